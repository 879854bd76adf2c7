import { type Actor, forbidden, type Role } from '@kyozo/resource';

const ranks: Record<Role, number> = { member: 0, admin: 1, owner: 2 };

/** Whether a role may more than another. */
export const isAbove = (role: Role, other: Role): boolean => ranks[role] > ranks[other];

/** Only an owner makes, changes or removes owners. @throws KyozoError `forbidden` when another role tries */
export function guardOwners(actor: Actor, ...roles: (Role | undefined)[]): void {
  if (actor.role !== 'owner' && roles.includes('owner')) {
    throw forbidden('Only an owner makes, changes or removes owners.');
  }
}
