export type Role = 'owner' | 'admin' | 'member';

/** Who acts, in which team, with what credential. Made by the server for each request. */
export type Actor = {
  /** The person; for a team's own key the key's id, so that what is somebody's own is never the key's. */
  userId: string;
  teamId: string;
  role: Role;
  credential: { kind: 'session' | 'key'; id: string };
  /** `read`, `write`, `<type>:read`, `<type>:write`; a session has `write`. */
  scopes: readonly string[];
};

/** The person who acts, or undefined when a team's own key does. */
export const personOf = (actor: Actor): string | undefined =>
  actor.userId === actor.credential.id ? undefined : actor.userId;

/** Whether the credential's scopes reach a read or a write of a resource type. Write includes read. */
export function scopeAllows(actor: Actor, type: string, access: 'read' | 'write'): boolean {
  const enough = access === 'read' ? ['read', 'write'] : ['write'];
  return enough.some(
    (level) => actor.scopes.includes(level) || actor.scopes.includes(`${type}:${level}`),
  );
}
