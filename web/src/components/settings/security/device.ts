import { messages } from '../../../messages.ts';

export type Device = { name: string; kind: 'computer' | 'phone' | 'program' };

/** What a program that has no window calls itself first. */
const programs = /^(curl|git|node|python|go|java|wget|kyozo)\b[^\s/]*/iu;
// The order matters: each browser also names the ones it descends from.
const browsers: readonly [RegExp, string][] = [
  [/\bEdg(?:e|A|iOS)?\//u, 'Edge'],
  [/\b(?:OPR|Opera)\//u, 'Opera'],
  [/\bSamsungBrowser\//u, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//u, 'Firefox'],
  [/\b(?:HeadlessChrome|Chrome|Chromium|CriOS)\//u, 'Chrome'],
  [/\bSafari\//u, 'Safari'],
];
const systems: readonly [RegExp, string][] = [
  [/\biPhone\b/u, 'iPhone'],
  [/\biPad\b/u, 'iPad'],
  [/\bAndroid\b/u, 'Android'],
  [/\bWindows\b/u, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/u, 'macOS'],
  [/\bCrOS\b/u, 'ChromeOS'],
  [/\bLinux\b/u, 'Linux'],
];

/** A browser and a system in words, as far as the program told what it is. */
export function deviceOf(userAgent: string | null): Device {
  const texts = messages.account;
  const agent = userAgent ?? '';
  const program = programs.exec(agent)?.[0];
  if (program) return { name: program, kind: 'program' };
  const browser = browsers.find(([pattern]) => pattern.test(agent))?.[1];
  const system = systems.find(([pattern]) => pattern.test(agent))?.[1];
  const kind = system && /iPhone|iPad|Android/u.test(system) ? 'phone' : 'computer';
  if (browser && system) return { name: texts.browserOn(browser, system), kind };
  return { name: browser ?? system ?? texts.unknownProgram, kind: browser ? kind : 'program' };
}

/** Whether an address is that of the machine the server runs on. */
export function isLocal(address: string): boolean {
  return /^(127\.|::1$|::ffff:127\.)/u.test(address);
}
