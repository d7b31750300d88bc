// Numbers, dates and words in the reader's language and in the license's time zone.

import type { Period, Unit } from './model';

export interface Formats {
  language: string;
  /** A number in the format of its unit: a size with its symbol, any other without the unit. */
  number(value: number, unit?: Unit): string;
  /** The form of a unit that goes with a number; empty where the number has a symbol. */
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

const isSize = ({ format }: Unit) => format === 'BYTES';

export function formatsOf(language: string, timeZone: string): Formats {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const fine = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 });
  // Away from the limit, so that only the limit itself reads as 100 %.
  const percent = (roundingMode: 'ceil' | 'floor') =>
    new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1, roundingMode });
  const [over, within] = [percent('ceil'), percent('floor')];
  const days = new Intl.NumberFormat(language, { style: 'unit', unit: 'day', unitDisplay: 'long' });
  const inZone = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(language, { timeZone, ...options });
    // “1er novembre”: the first of a month is an ordinal number in French.
    const first = /^fr/.test(language) ? '1er ' : '1 ';
    return (instant: string | number) => format.format(new Date(instant)).replace(/^1 /, first);
  };
  const date = inZone({ dateStyle: 'long' });
  const plural = new Intl.PluralRules(language);
  const number = (value: number, unit?: Unit) => {
    if (unit && isSize(unit)) return size(value, unit.fractionDigits);
    return (value !== 0 && Math.abs(value) < 0.1 ? fine : whole).format(value);
  };
  const size = (value: number, digits: number) => {
    let power = 0;
    for (; Math.abs(+value.toFixed(power && digits)) >= 1000 && power < 5; power++) value /= 1000;
    const unit = `${['', 'kilo', 'mega', 'giga', 'tera', 'peta'][power]}byte`;
    const as = { style: 'unit', unit, maximumFractionDigits: power && digits, roundingMode: 'halfEven' } as const; // as in mails
    return new Intl.NumberFormat(language, as).format(value);
  };
  const unit = (value: number, forms?: Unit) => (!forms || isSize(forms) ? '' : plural.select(value) === 'one' ? forms.one : forms.other);
  return {
    language,
    number,
    unit,
    amount: (value, forms) => `${number(value, forms)} ${unit(value, forms)}`.trim(),
    dayCount: (count) => days.format(count),
    percent: (ratio) => (ratio > 1 ? over : within).format(ratio),
    date,
    days: ({ start, end }) => {
      // Quota windows are months in UTC, all other periods days of the license.
      const inUtc = inZone({ dateStyle: 'long', timeZone: 'UTC' });
      const format = /T00:00:00(Z|\+00)/.test(start) ? inUtc : date;
      return [format(start), format(Date.parse(end) - 1)];
    },
    time: inZone({ dateStyle: 'medium', timeStyle: 'short' }),
    month: inZone({ month: 'long', year: 'numeric' }),
    daysUntil: (end) => Math.ceil((Date.parse(end) - Date.now()) / 86_400_000),
  };
}
