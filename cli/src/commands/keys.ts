import { readConfig } from '@kyozo/server/config';
import { UsageError } from '../client.ts';

/** `kyozo keys rotate`: a new signing key for access tokens; the old ones verify until their tokens end. */
export async function keys(args: readonly string[]): Promise<number> {
  if (args[0] !== 'rotate' || args.length > 1) throw new UsageError('Usage: kyozo keys rotate');
  const config = readConfig(process.env);
  const { rotateSigningKeys } = await import('@kyozo/server/keys');
  await rotateSigningKeys(config);
  console.log('A new key signs from now on; running servers take it up within ten minutes.');
  return 0;
}
