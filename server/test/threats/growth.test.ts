import { faultOf, parseOperand, parseQuery, text } from '@kyozo/resource';
import { describe, expect, test } from 'vitest';
import { addressOf } from '../../src/accounts/address.ts';
import { bearerOf } from '../../src/api/context.ts';
import { checkAccept, checkContentType } from '../../src/api/jsonapi/media-type.ts';
import { parseQueryString } from '../../src/api/jsonapi/query-string.ts';
import { known } from '../../src/resources.ts';
import { slugOf } from '../../src/slug.ts';
import { checkPath, foldPath } from '../../src/storage/path-rules.ts';

/** Work on an input of a size; what it refuses is as good as what it takes. */
const quietly = (work: () => unknown) => {
  try {
    work();
  } catch {}
};
const file = known.get('files')!;
const address = text('', { format: 'email', max: 1e9 });
const slug = text('', { format: 'slug', max: 1e9 });
const inputs: Record<string, (size: number) => unknown> = {
  'an address of dots': (n) => faultOf(address, `${'a.'.repeat(n)}@${'b.'.repeat(n)}`),
  'an address of at signs': (n) => addressOf('@'.repeat(n)),
  'a slug of hyphens': (n) => faultOf(slug, `${'a-'.repeat(n)}!`),
  'a name that becomes a slug': (n) => slugOf(`${'-ä '.repeat(n)}`),
  'a path of folders': (n) => checkPath(`${'a/'.repeat(n)} `),
  'a path of combining marks': (n) => foldPath('e\u0301'.repeat(n)),
  'a number': (n) => parseOperand(file.attributes.size!, '9'.repeat(n), 'filter[size]'),
  'a time': (n) => parseOperand(file.attributes.insertedAt!, '2024-'.repeat(n), 'filter'),
  'a list of values': (n) => parseQuery(known, file, { filter: { path: { in: 'a,'.repeat(n) } } }),
  'a list of fields': (n) => parseQuery(known, file, { fields: { files: 'path,'.repeat(n) } }),
  'a sort': (n) => parseQuery(known, file, { sort: 'path,'.repeat(n) }),
  'a path of relationships': (n) => parseQuery(known, file, { include: 'workspace.'.repeat(n) }),
  'brackets in a query': (n) => parseQueryString(`filter${'[a]'.repeat(n)}=1`),
  'open brackets': (n) => parseQueryString(`filter${'['.repeat(n)}=1`),
  'many parameters': (n) =>
    parseQueryString(Array.from({ length: n }, (_, at) => `filter[a${at}]=1`).join('&')),
  'an Accept header': (n) => checkAccept('application/vnd.api+json;a="'.repeat(n)),
  'a Content-Type header': (n) => checkContentType(`application/vnd.api+json${';ext= '.repeat(n)}`),
  'an Authorization header': (n) =>
    bearerOf({ headers: { authorization: `Bearer${' '.repeat(n)}x y` } }),
};

/** The quickest of several runs, in milliseconds: what else the machine does only adds to it. */
function quickest(work: () => unknown, runs = 9): number {
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    quietly(work);
    return performance.now() - start;
  });
  return Math.min(...times);
}

/** Growth shows over this many times the input; over four times, what else goes on can look like it. */
const FOLD = 16;

describe('A5.60 sixteen times the input takes no more than sixteen times as long, and some', () => {
  test.each(Object.entries(inputs))('%s', (_name, work) => {
    // Large enough to be measured: from where one run takes a millisecond, if it ever does.
    let size = 1_000;
    quickest(() => work(size));
    while (quickest(() => work(size)) < 1 && size < 256_000) size *= 2;
    const [once, more] = [quickest(() => work(size)), quickest(() => work(FOLD * size), 3)];
    // Of the square it would be 256 times. Below a tenth of a millisecond there is nothing to grow.
    if (more > 0.1) expect(more / Math.max(once, 0.02)).toBeLessThan(5 * FOLD);
  });
});
