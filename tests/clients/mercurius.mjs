// A GraphQL server that answers from an object in memory: Mercurius with its just-in-time compiler.
// Reads {"schema": SDL, "data": {…}} from stdin, prints the port that it listens at.
import { text } from "node:stream/consumers";
import Fastify from "fastify";
import mercurius from "mercurius";

const { schema, data } = JSON.parse(await text(process.stdin));
const app = Fastify();
app.register(mercurius, { schema, jit: 1, resolvers: { Query: { consumption: () => data.consumption } } });
const address = await app.listen({ host: "127.0.0.1", port: 0 });
console.log(address);
