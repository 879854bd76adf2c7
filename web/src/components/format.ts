const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** How long ago, in words: "2 hours ago"; under a minute it is "just now". */
export function ago(time: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(time) - now) / 1000);
  const step = steps.find(([, length]) => Math.abs(seconds) >= length);
  return step ? relative.format(Math.trunc(seconds / step[1]), step[0]) : 'just now';
}

/** When something will be, in words: "in 2 days", and from a week on the day itself. */
export function until(time: string, now = Date.now()): string {
  const isFar = Date.parse(time) - now >= 7 * 86_400_000;
  return isFar ? `on ${day.format(new Date(time))}` : ago(time, now);
}

/** Date and time in full. */
export function moment(time: string): string {
  return exact.format(new Date(time));
}

/** The day of a moment: "today", "yesterday", else its date. */
export function dayOf(time: string, now = Date.now()): string {
  const date = day.format(new Date(time));
  if (date === day.format(now)) return relative.format(0, 'day');
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  return date === day.format(yesterday) ? relative.format(-1, 'day') : date;
}

/** Bytes with a unit; a kB is 1024 bytes. */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = size;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A span of time: "0.4 s", "2 min 5 s". */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
