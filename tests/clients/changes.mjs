// Compares two schemas with graphql-inspector; prints the breaking changes, a line each. Reads {"old": SDL, "new": SDL}.
// What was deprecated may go.
import { text } from "node:stream/consumers";
import { CriticalityLevel, DiffRule, diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";

const given = JSON.parse(await text(process.stdin));
const changes = await diff(buildSchema(given.old), buildSchema(given.new), [DiffRule.suppressRemovalOfDeprecatedField]);
for (const { criticality, message } of changes) {
  if (criticality.level === CriticalityLevel.Breaking) console.log(message);
}
