// node visit.mjs < order.json: opens a page in a headless Chromium as each of several readers, and prints what each sees, one JSON line each.
// The order: {chromium, url, readers: [{width, height, phone, scheme, picture, until}]}; `until` is a text that has to appear by itself
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';

const PATIENCE_MS = 60_000;

const order = JSON.parse(await text(process.stdin));

// In the page: what is read, and whether it fits. A text's own size is that of the element it stands in.
function look() {
  const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  const sizes = [];
  while (texts.nextNode()) {
    sizes.push(parseFloat(getComputedStyle(texts.currentNode.parentElement).fontSize));
  }
  return {
    text: document.querySelector('main').innerText,
    smallest: Math.min(...sizes),
    width: window.innerWidth,
    needed: document.documentElement.scrollWidth,
    styled: getComputedStyle(document.querySelector('h1')).marginTop === '0px',
    tags: [...new Set([...document.querySelectorAll('*')].map((one) => one.localName))].sort(),
  };
}

async function read(browser, { width, height, phone, scheme, picture, until }) {
  const context = await browser.newContext({
    viewport: { width, height },
    isMobile: phone,
    hasTouch: phone,
    colorScheme: scheme,
  });
  const page = await context.newPage();
  const seen = { asked: [], complaints: [] };
  page.on('request', (request) => seen.asked.push(request.url()));
  page.on('console', (message) => seen.complaints.push(message.text()));
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    seen.complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(order.url, { waitUntil: 'load' });
  if (picture) {
    await page.screenshot({ path: picture, fullPage: true });
  }
  console.log(JSON.stringify({ ...seen, ...(await page.evaluate(look)) }));
  if (until) {
    await page.getByText(until).first().waitFor({ timeout: PATIENCE_MS });
    console.log(JSON.stringify({ ...seen, ...(await page.evaluate(look)) }));
  }
  await context.close();
}

const browser = await chromium.launch({ executablePath: order.chromium, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  for (const reader of order.readers) {
    await read(browser, reader);
  }
} finally {
  await browser.close();
}
