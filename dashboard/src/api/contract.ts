/** From a path of the contract to the types of its query, body and answer. A path that the server dropped no longer compiles. */
import type { paths } from './schema'

type Method = 'get' | 'post'
type Operation<P extends keyof paths, M extends Method> = paths[P][M]

export type PathOf<M extends Method> = { [P in keyof paths]: Operation<P, M> extends { responses: unknown } ? P : never }[keyof paths]

/** `data` of the envelope. */
export type DataOf<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: { 200: { content: { 'application/json': { data: infer D } } } } } ? D : never

export type QueryOf<P extends keyof paths, M extends Method> = Operation<P, M> extends { parameters: { query?: infer Q } } ? Q : never

export type BodyOf<P extends keyof paths> =
  Operation<P, 'post'> extends { requestBody: { content: { 'application/json': infer B } } }
    ? B
    : Operation<P, 'post'> extends { requestBody?: { content: { 'application/json': infer B } } }
      ? B
      : Record<string, never>
