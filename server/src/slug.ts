/**
 * A name as it stands in addresses: lower case letters, digits and single hyphens. With an id, its
 * last characters make the slug unique (a UUIDv7 ends in random bits).
 */
export function slugOf(name: string, id?: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)
    .replace(/-+$/, '');
  const unique = id ? id.slice(-6) : '';
  return [words || (unique ? '' : 'untitled'), unique].filter(Boolean).join('-');
}
