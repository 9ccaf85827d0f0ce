// What a test wants to know about the page: every query with the number of its series, every error, every panel
// that has nothing to show, and every link.
export const report = { errors: [], queries: [], marks: {}, pending: 0 };

export function fail(what) {
  report.errors.push(String(what?.stack ?? what));
}

export function watch(window) {
  window.report = report;
  window.addEventListener('error', (event) => fail(event.error ?? event.message));
  window.addEventListener('unhandledrejection', (event) => fail(event.reason));
}
