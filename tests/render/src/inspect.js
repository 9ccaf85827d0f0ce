// In the page: what it says of itself once it is drawn. Self-contained, as it is sent to the browser.
export function inspect() {
  const titleOf = (node) => node.closest('section')?.querySelector('h2')?.textContent ?? 'a panel';
  const all = (selector) => [...document.querySelectorAll(selector)];
  const panels = all('section').filter((section) => section.querySelector('[data-testid="data-testid panel content"]'));

  // Text that does not fit: cut at its own box, or at one around it that hides what is beyond.
  const cut = panels.flatMap((section) => {
    const leaves = [...section.querySelectorAll('*')].filter((node) => node.childElementCount === 0 && node.textContent.trim());
    const hidden = (node) => {
      const { left, right } = node.getBoundingClientRect();
      for (let box = node; box !== section.parentElement; box = box.parentElement) {
        const edge = box.getBoundingClientRect();
        const clips = getComputedStyle(box).overflowX !== 'visible';
        if (clips && (box.scrollWidth > box.clientWidth + 1 || left < edge.left - 1 || right > edge.right + 1)) {
          return box === node || left < edge.left - 1 || right > edge.right + 1;
        }
      }
      return false;
    };
    return leaves.filter(hidden).map((node) => [titleOf(section), node.textContent.trim()]);
  });

  // A legend, or a table, of which lines are out of sight.
  const clipped = panels.flatMap((section) =>
    [...section.querySelectorAll('[role=grid], .scrollbar-view, [class*=legend i]')]
      .filter((box) => box.scrollHeight > box.clientHeight + 2 && getComputedStyle(box).overflowY !== 'visible')
      .map(() => titleOf(section))
  );

  const small = panels.flatMap((section) =>
    [...section.querySelectorAll('*')]
      .filter((node) => node.childElementCount === 0 && node.textContent.trim() && parseFloat(getComputedStyle(node).fontSize) < 11)
      .map((node) => [titleOf(section), node.textContent.trim()])
  );

  const colors = all('[data-testid="series-icon"]').map((icon) => {
    const { backgroundColor, backgroundImage } = getComputedStyle(icon);
    const [, dashed] = /(rgb\([^)]+\))/.exec(backgroundImage) ?? [];
    const name = icon.closest('li, tr, div[class]')?.parentElement?.innerText?.split('\n')[0].trim() ?? '';
    return [titleOf(icon), name, dashed ?? backgroundColor];
  });

  return {
    errors: window.report.errors,
    queries: window.report.queries,
    marks: window.report.marks,
    empty: all('[data-no-data]').map(titleOf),
    links: all('section a[href]').map((link) => link.getAttribute('href')),
    cut,
    clipped: [...new Set(clipped)],
    small,
    colors,
    text: panels.map((section) => [titleOf(section), section.innerText]),
  };
}
