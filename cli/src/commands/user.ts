import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Client, serverUrl, UsageError } from '../client.ts';

/** `kyozo user create --name N --email E [--password P]`: makes an account and an API key for it. */
export async function user(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { name: { type: 'string' }, email: { type: 'string' }, password: { type: 'string' } },
  });
  if (positionals[0] !== 'create' || !values.email) {
    throw new UsageError('Usage: kyozo user create --email E [--name N] [--password P]');
  }
  const password = values.password ?? randomBytes(12).toString('base64url');
  const name = values.name ?? values.email.split('@')[0]!;
  const url = serverUrl(process.env);
  const made = await new Client(url, undefined).post('users', '/users/register', {
    name,
    email: values.email,
    password,
  });
  const client = new Client(url, (made.meta as { accessToken: string }).accessToken);
  const key = await client.post('api-keys', '/api-keys', {
    name: 'Command line',
    scopes: ['write'],
  });
  if (values.password === undefined) console.log(`password ${password}`);
  console.log(`KYOZO_TOKEN=${(key.meta as { key: string }).key}`);
  return 0;
}
