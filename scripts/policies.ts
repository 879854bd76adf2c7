import type { Check, Registry } from '@kyozo/resource';
import { accessOf } from '../server/src/api/access.ts';

/** Who may do what, in words: one page to read, and to compare when a policy changes. */
export function policiesOf(known: Registry): string {
  const parts = [...known.values()].map(({ type, policies }) => {
    const rows = Object.entries(policies).map(
      ([action, check]) => `| ${action} | ${words(check)} |`,
    );
    return [`## ${type}`, '', '| action | who |', '|---|---|', ...rows, ''].join('\n');
  });
  const plain = [...accessOf(known)]
    .filter(([, access]) => !access.includes('.'))
    .map(([route, access]) => `| \`${route}\` | ${access} |`);
  const rest = ['## Other routes', '', '| route | who |', '|---|---|', ...plain, ''].join('\n');
  return `# Who may do what\n\nMade from the declarations by \`npm run schemas\`. Below every policy lies row-level security: nobody sees another team's records.\n\n${[...parts, rest].join('\n')}`;
}

function words(check: Check): string {
  switch (check.check) {
    case 'anyone':
      return 'anyone';
    case 'signed-in':
      return 'every member';
    case 'nobody':
      return 'nobody';
    case 'role':
      return check.roles.join(', ');
    case 'self':
      return `the one in ${check.field}`;
    case 'acting':
      return `in the team ${check.field}`;
    case 'field':
      return `${check.field} is ${JSON.stringify(check.value)}`;
    case 'not':
      return `not (${words(check.of)})`;
    case 'through':
      return `through ${check.relationship}: ${words(check.of)}`;
    default:
      return check.of
        .map((part) => `(${words(part)})`)
        .join(check.check === 'all' ? ' and ' : ' or ');
  }
}
