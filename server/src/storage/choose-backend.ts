/** Where the rules keep a file. `storages.ts` says what serves each name. */
export const backends = ['git', 's3', 'disk', 'ram', 'hybrid'] as const;
export type Backend = (typeof backends)[number];

/** What a workspace may choose for what lies outside git. */
export const chosenBackends = ['s3', 'disk', 'hybrid'] as const;

/** What the rules look at. `text` and `image` are by content; `code` is by name and content. */
export type Traits = { size: number; text: boolean; image: boolean; code: boolean };

const MB = 2 ** 20;

/**
 * Where content goes: by the table, and what that keeps outside git where its workspace has chosen, if it
 * has. The one place where it is written down.
 */
export function chooseBackend(traits: Traits, chosen?: Backend | null): Backend {
  const ruled = ruledBackend(traits);
  return ruled === 'git' ? ruled : (chosen ?? ruled);
}

/** The routing table, first match wins. */
function ruledBackend({ size, text, image, code }: Traits): Backend {
  if (!text && size > 10 * MB) return 's3';
  if (text && size < 1 * MB) return 'git';
  if (image) return size > 5 * MB ? 's3' : 'disk';
  if (code) return 'git';
  return 'hybrid';
}
