// The words of the element. A language is one file, which is loaded when it is spoken; each has every text of the
// English one, which the types check.

import type { en } from './en';

export type Text = typeof en;

const LANGUAGES: Record<string, () => Promise<Text>> = {
  en: async () => (await import('./en')).en,
  fr: async () => (await import('./fr')).fr,
};
const here: Record<string, Text> = {};
const asked: Record<string, Promise<unknown>> = {};

/** The first of these languages that is spoken here; English if none is. */
export const spokenOf = (languages: readonly string[]): string =>
  languages.map((tag) => tag.toLowerCase().split('-')[0]!).find((tag) => tag in LANGUAGES) ?? 'en';

/**
 * The words of a language; undefined while their file is on its way: `arrived` is called when it is here. A file that
 * did not come is asked for again at the next look, such as after the connection is back.
 */
export function wordsIn(language: string, arrived: () => void): Text | undefined {
  if (!here[language])
    (asked[language] ??= LANGUAGES[language]!()
      .then((text) => (here[language] = text))
      .finally(() => delete asked[language])).then(arrived, () => {});
  return here[language];
}
