// node photograph.mjs < order.json: shows dashboards in a headless Chromium, photographs them and prints what the page reports.
// The order: {chromium, prometheus, scrape, now, pictures: [{dashboard, first, whole, since, later, variables, loki}]}: `later` than `now`
// each dashboard `since` then; `loki` are answers of a log store; `first` is a path for what a laptop shows at once, `whole` one for all of it.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';
import { inspect } from './src/inspect.js';

const HERE = import.meta.dirname;
const BUILT = path.join(HERE, '../../.cache/render');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const WEIGHTS = { Regular: 400, Medium: 500 };
const QUIET_MS = 250;
const PATIENCE_MS = 100_000;
const LAPTOP = { width: 1440, height: 900 };
const MENU_PIXELS = 300;
const BARS_PIXELS = 80;
const ROW_PIXELS = 38;
const CONTROLS_PIXELS = 250;

const order = JSON.parse(await text(process.stdin));

function fileOf(address) {
  const pathname = address.replace(/^\/\d+\/public/, '/public');
  const font = /^\/public\/fonts\/inter\/Inter-(Regular|Medium)\.woff2$/.exec(pathname);
  if (font) {
    return path.join(HERE, `node_modules/@fontsource/inter/files/inter-latin-${WEIGHTS[font[1]]}-normal.woff2`);
  }
  if (pathname.startsWith('/public/build/img/')) {
    return path.join(HERE, 'node_modules/@grafana/ui/dist/public/img', pathname.slice('/public/build/img/'.length));
  }
  const [, number, asked] = /^\/(\d+)\/(.*)$/.exec(pathname) ?? [];
  if (asked === 'dashboard.json') {
    return order.pictures[number].dashboard;
  }
  if (asked === 'loki.json') {
    return order.pictures[number].loki ?? '';
  }
  return path.join(BUILT, number ? 'index.html' : pathname);
}

function serve(request, response) {
  const file = fileOf(path.posix.normalize(new URL(request.url, 'http://localhost').pathname));
  if (!fs.existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream', 'cache-control': 'max-age=3600' });
  fs.createReadStream(file).pipe(response);
}

function address(port, number) {
  const { since, variables } = order.pictures[number];
  const parameters = { prometheus: order.prometheus, scrape: order.scrape, from: since, to: 'now' };
  for (const [name, value] of Object.entries(variables)) {
    parameters[`var-${name}`] = value;
  }
  return `http://127.0.0.1:${port}/${number}/?${new URLSearchParams(parameters)}`;
}

// Tables draw only what is in view, so all of the dashboard has to be.
function heightOf(dashboard) {
  const { panels } = JSON.parse(fs.readFileSync(dashboard));
  const rows = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).map(({ gridPos }) => gridPos.y + gridPos.h);
  const opened = panels.filter(({ collapsed }) => collapsed).length;
  return BARS_PIXELS + CONTROLS_PIXELS + ROW_PIXELS * (Math.max(...rows) + 12 * opened);
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

async function photograph(context, port, number) {
  const { dashboard, first, whole, later } = order.pictures[number];
  const page = await context.newPage();
  await page.clock.setFixedTime(order.now + later * 1000);
  await page.setViewportSize({ width: LAPTOP.width, height: heightOf(dashboard) });
  await page.goto(address(port, number), { waitUntil: 'load', timeout: PATIENCE_MS });
  const drawn = await page.waitForFunction(allDrawn, null, { timeout: PATIENCE_MS, polling: QUIET_MS }).catch(() => undefined);
  const seen = await page.evaluate(inspect);
  // A picture of the full page would resize it, and the panels would be drawn anew while it is taken.
  await page.screenshot({ path: first, clip: { x: 0, y: 0, ...LAPTOP } });
  if (whole) {
    const { height } = await page.locator('main').boundingBox();
    const clip = { x: MENU_PIXELS, y: BARS_PIXELS, width: LAPTOP.width - MENU_PIXELS, height };
    await page.screenshot({ path: whole, clip });
  }
  await page.close();
  return { drawn: drawn !== undefined, ...seen };
}

const server = http.createServer(serve).listen(0, '127.0.0.1');
await new Promise((ready) => server.once('listening', ready));
const browser = await chromium.launch({ executablePath: order.chromium, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const context = await browser.newContext();
const seen = [];
for (const number of order.pictures.keys()) {
  seen.push(await photograph(context, server.address().port, number));
}
console.log(JSON.stringify(seen));
await browser.close();
server.close();
