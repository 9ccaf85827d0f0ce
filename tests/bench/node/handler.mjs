// What one would write first in Node.js: the same counters, without any of the exporter's promises.
// usage: node handler.mjs PORT
import { createServer } from 'node:http';
import { Counter, register } from 'prom-client';

const events = new Counter({
  name: 'capgo_events_total',
  help: 'Events received',
  labelNames: ['app_id', 'action', 'platform', 'version'],
});

function count(body) {
  for (const { app_id, action, platform, version_name: version } of Array.isArray(body) ? body : [body]) {
    events.inc({ app_id, action, platform, version });
  }
}

createServer(async (request, response) => {
  if (request.url === '/metrics') {
    return response.end(await register.metrics());
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    count(JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"status":"ok"}');
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
