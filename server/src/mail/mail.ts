/** A mail as we write them: paragraphs and at most one link. Text and HTML are made of the same words. */
export type Mail = {
  /** One address, nothing else. */
  to: string;
  subject: string;
  paragraphs: readonly string[];
  action?: { label: string; url: string };
};

const footer = 'Kyozo Store sent this mail. Nobody reads answers to it.';

/** The mail as plain text. */
export function textOf({ paragraphs, action }: Mail): string {
  const link = action ? [`${action.label}:\n${action.url}`] : [];
  return `${[...paragraphs.slice(0, 1), ...link, ...paragraphs.slice(1)].join('\n\n')}\n\n-- \n${footer}\n`;
}

/** The mail as HTML: no pictures, nothing loaded from anywhere. */
export function htmlOf({ paragraphs, action }: Mail): string {
  const [first, ...rest] = paragraphs.map((text) => `<p>${escaped(text)}</p>`);
  const link = action
    ? `<p><a href="${escaped(action.url)}" style="display:inline-block;padding:10px 16px;border-radius:6px;background:#18181b;color:#fff;text-decoration:none">${escaped(action.label)}</a></p><p style="color:#71717a;font-size:13px">Or open this address:<br>${escaped(action.url)}</p>`
    : '';
  return `<!doctype html><html lang="en"><head><meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no"></head><body style="font:16px/1.5 system-ui,sans-serif;color:#18181b;max-width:560px;margin:24px auto;padding:0 16px">${first ?? ''}${link}${rest.join('')}<p style="color:#71717a;font-size:13px">${footer}</p></body></html>\n`;
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string) => text.replace(/[&<>"']/g, (letter) => entities[letter]!);
