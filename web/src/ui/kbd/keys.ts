const isMac = /mac|iphone|ipad/i.test(navigator.platform);

/** Writes a chord such as `mod+k` the way this machine's keyboard does. */
export function writeKeys(keys: string): string[] {
  return keys.split('+').map((key) => {
    if (key === 'mod') return isMac ? '⌘' : 'Ctrl';
    if (key === 'shift') return isMac ? '⇧' : 'Shift';
    if (key === 'alt') return isMac ? '⌥' : 'Alt';
    return key.length === 1 ? key.toUpperCase() : key;
  });
}
