import {
  buildSchema,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  isScalarType,
} from 'graphql';
import { scalars } from './scalars.ts';

/** The SDL as a schema that runs: each resolver at its field. @throws Error for one that has no field */
export function executable(sdl: string, resolvers: Record<string, object>): GraphQLSchema {
  const schema = buildSchema(sdl);
  for (const [name, scalar] of Object.entries(scalars)) {
    const type = schema.getType(name);
    if (!isScalarType(type)) continue;
    const { parseValue, parseLiteral, serialize } = scalar;
    Object.assign(type, { parseValue, parseLiteral, serialize });
  }
  for (const [name, fields] of Object.entries(resolvers)) {
    const type = schema.getType(name);
    for (const [field, resolver] of Object.entries(fields)) {
      if (isInterfaceType(type) && field === '__resolveType') {
        type.resolveType = resolver;
        continue;
      }
      const place = isObjectType(type) ? type.getFields()[field] : undefined;
      if (!place) throw new Error(`GraphQL: there is no field ${name}.${field} to resolve.`);
      Object.assign(place, typeof resolver === 'function' ? { resolve: resolver } : resolver);
    }
  }
  return schema;
}
