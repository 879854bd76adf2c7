import { messages } from '../../messages.ts';
import { navigate } from '../../router.ts';
import { session } from '../../services/session.svelte.ts';
import { tell } from '../../ui/toast/index.ts';

/** Goes to another team, first to where nothing of the one that is left is shown. */
export async function switchTeam(id: string): Promise<void> {
  if (id === session.team?.id) return;
  const { uploads } = await import('../files/uploads.svelte.ts');
  if (uploads.isBusy) {
    tell(messages.team.uploadsFirst);
    return;
  }
  uploads.clear();
  await navigate('/');
  session.chooseTeam(id);
}
