// node photograph.mjs < order.json: shows dashboards in a headless Chromium, photographs them and prints what the page reports.
// The order: {chromium, prometheus, scrape, width, pictures: [{dashboard, picture, from, to, variables, loki}]}; `loki` are answers of a log store
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';

const HERE = import.meta.dirname;
const BUILT = path.join(HERE, '../../.cache/render');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const WEIGHTS = { Regular: 400, Medium: 500 };
const QUIET_MS = 500;
const PATIENCE_MS = 100_000;
const ROW_PIXELS = 38;
const HEAD_PIXELS = 250;

const order = JSON.parse(await text(process.stdin));
let current;

function fileOf(pathname) {
  const font = /^\/public\/fonts\/inter\/Inter-(Regular|Medium)\.woff2$/.exec(pathname);
  if (font) {
    return path.join(HERE, `node_modules/@fontsource/inter/files/inter-latin-${WEIGHTS[font[1]]}-normal.woff2`);
  }
  if (pathname.startsWith('/public/build/img/')) {
    return path.join(HERE, 'node_modules/@grafana/ui/dist/public/img', pathname.slice('/public/build/img/'.length));
  }
  if (pathname === '/loki.json') {
    return current.loki ?? '';
  }
  return pathname === '/dashboard.json' ? current.dashboard : path.join(BUILT, pathname === '/' ? 'index.html' : pathname);
}

function serve(request, response) {
  const file = fileOf(path.posix.normalize(new URL(request.url, 'http://localhost').pathname));
  if (!fs.existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' });
  fs.createReadStream(file).pipe(response);
}

function address(port, { from, to, variables }) {
  const parameters = { prometheus: order.prometheus, scrape: order.scrape, from, to };
  for (const [name, value] of Object.entries(variables)) {
    parameters[`var-${name}`] = value;
  }
  return `http://127.0.0.1:${port}/?${new URLSearchParams(parameters)}`;
}

// Tables draw only what is in view, so all of the dashboard has to be.
function heightOf(dashboard) {
  const rows = JSON.parse(fs.readFileSync(dashboard)).panels.map(({ gridPos }) => gridPos.y + gridPos.h);
  return HEAD_PIXELS + ROW_PIXELS * Math.max(...rows);
}

// In the page: every query is answered, every panel shows something, and nothing has changed since the last look.
function allDrawn() {
  const shows = (panel) => panel.querySelector('canvas, [role=gridcell], [data-no-data]') || panel.innerText.trim();
  const panels = [...document.querySelectorAll('[data-testid="data-testid panel content"]')];
  const state = [window.report.pending, window.report.queries.length, panels.length, document.body.innerText].join();
  const still = state === window.lastState;
  window.lastState = state;
  return still && window.report.pending === 0 && panels.length > 0 && panels.every(shows);
}

async function photograph(browser, port, job) {
  current = job;
  const page = await browser.newPage({ viewport: { width: order.width, height: heightOf(job.dashboard) } });
  await page.goto(address(port, job), { waitUntil: 'load' });
  const drawn = await page.waitForFunction(allDrawn, null, { timeout: PATIENCE_MS, polling: QUIET_MS }).catch(() => undefined);
  const seen = await page.evaluate(() => ({
    errors: window.report.errors,
    pending: window.report.pending,
    queries: window.report.queries,
    empty: [...document.querySelectorAll('[data-no-data]')].map((one) => one.closest('section')?.querySelector('h2')?.textContent ?? 'a panel'),
    links: [...document.querySelectorAll('section a[href]')].map((one) => one.getAttribute('href')),
  }));
  // A picture of the full page would resize it, and the panels would be drawn anew while it is taken.
  const { height } = await page.locator('#root').boundingBox();
  await page.screenshot({ path: job.picture, clip: { x: 0, y: 0, width: order.width, height } });
  await page.close();
  return { picture: job.picture, drawn: drawn !== undefined, ...seen };
}

const server = http.createServer(serve).listen(0, '127.0.0.1');
await new Promise((ready) => server.once('listening', ready));
const browser = await chromium.launch({ executablePath: order.chromium, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const seen = [];
for (const job of order.pictures) {
  seen.push(await photograph(browser, server.address().port, job));
}
console.log(JSON.stringify(seen));
await browser.close();
server.close();
