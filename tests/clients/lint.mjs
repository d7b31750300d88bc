// Lints the SDL of stdin by the recommended rules of graphql-eslint; prints what they find, a line each.
import { text } from "node:stream/consumers";
import { ESLint } from "eslint";
import graphql from "@graphql-eslint/eslint-plugin";

const sdl = await text(process.stdin);
// GraphQL's own @deprecated has a reason alone, which ends with the date of removal. The rule wants the date by itself.
const REMOVAL = /@deprecated\(reason: "([^"]* (\d{4})-(\d{2})-(\d{2})\.)"\)/g;
const dated = sdl.replace(REMOVAL, '@deprecated(reason: "$1", deletionDate: "$4/$3/$2")');
const places = "FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE";
const known = `${sdl}\ndirective @deprecated(reason: String, deletionDate: String) on ${places}`;
const rules = {
  ...graphql.configs["flat/schema-recommended"].rules,
  "@graphql-eslint/relay-connection-types": "error",
  "@graphql-eslint/relay-page-info": "error",
  "@graphql-eslint/no-hashtag-description": "error",
  "@graphql-eslint/require-deprecation-date": "error",
  // What can be asked for by id has one and is a Node; the rest are values, pages and results.
  "@graphql-eslint/strict-id-in-types": "off",
  // `Grant.grantedAt` is a time, not a prefix.
  "@graphql-eslint/no-typename-prefix": "off",
};
const eslint = new ESLint({
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ["**/*.graphql"],
      languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: known } } },
      plugins: { "@graphql-eslint": graphql },
      rules,
    },
  ],
});
const [result] = await eslint.lintText(dated, { filePath: "schema.graphql" });
for (const { line, ruleId, message } of result.messages) console.log(`${line}: ${ruleId}: ${message}`);
