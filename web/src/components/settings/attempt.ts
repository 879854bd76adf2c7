import { tell, tellError } from '../../ui/toast/index.ts';

/** Does something and says so; resolves to whether it was done, having said why when it was not. */
export async function attempt(
  what: string,
  work: () => Promise<unknown>,
  done: string,
): Promise<boolean> {
  try {
    await work();
    tell(done);
    return true;
  } catch (error) {
    tellError(what, error);
    return false;
  }
}
