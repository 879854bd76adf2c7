/**
 * Makes a row of controls one stop of the Tab key, with arrows, Home and End between them.
 * Escape calls `leave`. Source: the toolbar pattern of the ARIA practices.
 */
export function toolbar(leave?: () => void) {
  return (row: HTMLElement) => {
    const stops = () => [...row.querySelectorAll<HTMLElement>('button:not(:disabled), input')];
    const settle = () => {
      const all = stops();
      const current =
        all.find((one) => one === document.activeElement) ??
        all.find((one) => one.tabIndex === 0) ??
        all[0];
      for (const one of all) one.tabIndex = one === current ? 0 : -1;
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') return leave?.();
      const typing = event.target instanceof HTMLInputElement;
      const all = stops();
      const at = all.indexOf(document.activeElement as HTMLElement);
      const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[
        event.key
      ];
      if (next === undefined || at < 0 || typing) return;
      event.preventDefault();
      all[(next + all.length) % all.length]?.focus();
      settle();
    };
    settle();
    const observer = new MutationObserver(settle);
    observer.observe(row, { subtree: true, childList: true, attributeFilter: ['disabled'] });
    row.addEventListener('keydown', onKey);
    row.addEventListener('focusin', settle);
    return () => {
      observer.disconnect();
      row.removeEventListener('keydown', onKey);
      row.removeEventListener('focusin', settle);
    };
  };
}
