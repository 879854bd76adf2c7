let wanted: HTMLElement | undefined;

/**
 * Names the element that a closing menu or dialog gives the focus to, instead of the control that opened
 * it; undefined ends this.
 */
export function wantFocus(element: HTMLElement | undefined): void {
  wanted = element;
}

/** For `onCloseAutoFocus` of menus and dialogs. */
export function passFocus(event: Event): void {
  if (!wanted?.isConnected) return;
  event.preventDefault();
  wanted.focus();
}
