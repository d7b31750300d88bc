// Numbers, dates and words in the reader's language and in the license's time zone.

import type { Period, Unit } from './model';

export interface Formats {
  language: string;
  number(value: number): string;
  /** The form of a unit that goes with a number. */
  unit(value: number, unit?: Unit): string;
  /** A number with its unit. */
  amount(value: number, unit?: Unit): string;
  dayCount(days: number): string;
  percent(ratio: number): string;
  date(instant: string): string;
  /** The first and the last day of a period. */
  days(period: Period): [string, string];
  time(instant: string): string;
  month(instant: string): string;
  daysUntil(end: string): number;
}

export function formatsOf(language: string, timeZone: string): Formats {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const fine = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone });
  const inUtc = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' });
  const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone });
  const month = new Intl.DateTimeFormat(language, { month: 'long', year: 'numeric', timeZone });
  const days = new Intl.NumberFormat(language, { style: 'unit', unit: 'day', unitDisplay: 'long' });
  const plural = new Intl.PluralRules(language);
  const number = (value: number) => (value !== 0 && Math.abs(value) < 0.1 ? fine : whole).format(value);
  const unit = (value: number, forms?: Unit) => (plural.select(value) === 'one' ? forms?.one : forms?.other) ?? '';
  return {
    language,
    number,
    unit,
    amount: (value, forms) => `${number(value)} ${unit(value, forms)}`,
    dayCount: (count) => days.format(count),
    // Never 100 % for what is a little more or less than the whole.
    percent: (ratio) => {
      const rounded = Math.round(ratio * 1000) / 1000;
      const shown = rounded === 1 && ratio !== 1 ? (ratio < 1 ? 0.999 : 1.001) : rounded;
      return percent.format(shown);
    },
    date: (instant) => date.format(new Date(instant)),
    days: ({ start, end }) => {
      // Quota windows are months in UTC, all other periods days of the license.
      const { format } = start.endsWith('T00:00:00Z') || start.includes('T00:00:00+00') ? inUtc : date;
      return [format(new Date(start)), format(new Date(Date.parse(end) - 1))];
    },
    time: (instant) => time.format(new Date(instant)),
    month: (instant) => month.format(new Date(instant)),
    daysUntil: (end) => Math.ceil((Date.parse(end) - Date.now()) / 86_400_000),
  };
}
