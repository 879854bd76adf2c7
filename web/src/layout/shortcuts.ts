import { navigate } from '../router.ts';
import { shell } from '../stores/shell.svelte.ts';
import { undoLast } from '../ui/toast/index.ts';

let lastKey = '';

/** The keys that work everywhere. Single keys are left alone while someone types. */
export function handleShortcut(event: KeyboardEvent): void {
  if (event.defaultPrevented) return;
  const withMod = event.metaKey || event.ctrlKey;
  const isPlain = !withMod && !event.altKey && !isTyping(event.target);
  const sequence = lastKey + event.key;
  lastKey = event.key;
  if (withMod && event.key.toLowerCase() === 'k') take(event, openPalette);
  else if (withMod && event.key === '\\') take(event, () => shell.toggleSidebar());
  else if (isUndo(event) && undoLast()) event.preventDefault();
  else if (!isPlain) lastKey = '';
  else if (event.key === '?') take(event, () => (shell.shortcutsAreOpen = true));
  else if (event.key === '/') take(event, openPalette);
  else if (sequence === 'gh') take(event, () => void navigate('/'));
  else if (sequence === 'gn') take(event, () => void navigate('/notifications'));
}

/** Text fields and editors undo by themselves. */
const isUndo = (event: KeyboardEvent): boolean =>
  (event.metaKey || event.ctrlKey) &&
  !event.shiftKey &&
  !event.altKey &&
  event.key.toLowerCase() === 'z' &&
  !isTyping(event.target);

function take(event: KeyboardEvent, action: () => void): void {
  event.preventDefault();
  action();
}

function openPalette(): void {
  shell.paletteIsOpen = !shell.paletteIsOpen;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input, textarea, select, [role="combobox"]'))
  );
}
