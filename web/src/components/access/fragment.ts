/**
 * Takes what stands behind the # of the address, such as a mail's token, and removes it there: it is
 * never sent to a server, and need not stay in the history either.
 */
export function takeFragment(): URLSearchParams {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
  return fragment;
}
