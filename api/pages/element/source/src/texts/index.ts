// The words of the element. A language is one file; each has every text of the English one, which the types check.

import { en } from './en';
import { fr } from './fr';

export type Text = typeof en;

const LANGUAGES: Record<string, Text> = { en, fr };

/** The words and the locale for the first of these languages that is spoken here; English if none is. */
export function wordsFor(languages: readonly string[]): { language: string; text: Text } {
  for (const language of languages) {
    const text = LANGUAGES[language.toLowerCase().split('-')[0]!];
    if (text) return { language, text };
  }
  return { language: 'en', text: en };
}
