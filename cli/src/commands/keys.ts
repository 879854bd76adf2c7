import { readConfig } from '@kyozo/server/config';
import { UsageError } from '../client.ts';

/** `kyozo keys rotate`: a new signing key for access tokens, and new keys for content; old ones stay for what they made. */
export async function keys(args: readonly string[]): Promise<number> {
  if (args[0] !== 'rotate' || args.length > 1) throw new UsageError('Usage: kyozo keys rotate');
  const config = readConfig(process.env);
  const { rotateAllKeys } = await import('@kyozo/server/keys');
  await rotateAllKeys(config);
  console.log(
    'New keys sign and encrypt from now on; running servers take them up within ten minutes.',
  );
  return 0;
}
