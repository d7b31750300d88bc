// The answers of the GraphQL API, as the queries in queries.ts ask for them.

import type { GraphQLProblem } from './http';

export type Status = 'OK' | 'AT_RISK' | 'EXCEEDED' | 'UNKNOWN';
export type ReadingState =
  | 'MEASURED'
  | 'NOTHING_REPORTED'
  | 'NEVER_MEASURED'
  | 'NOT_IN_CONTRACT'
  | 'UNLIMITED'
  | 'TERM_ONLY'
  | 'NO_CONTRACT';
export type Kind = 'COUNTER' | 'LEVEL' | 'CREDITS' | 'RATIO' | 'TERM' | 'ADMISSION' | 'OTHER';

export interface Problem {
  message: string;
}
export interface Period {
  start: string;
  end: string;
}
export interface Threshold {
  ratio: number;
  value: number;
  crossedAt: string | null;
}
export interface Share {
  dimension: string;
  key: string;
  label: string;
  used: number;
  limit: number | null;
  remaining: number | null;
}
/** The forms of a unit, of which the number chooses one. */
export interface Unit {
  one: string;
  other: string;
  format: string;
  fractionDigits: number;
}
export interface Meter {
  key: string;
  title: string;
  description: string;
  unitForms: Unit;
  kind: Kind;
  enforcement: 'SOFT' | 'HARD' | 'NONE';
  events: { dimensions: { key: string; title: string }[] }[];
}
export interface Reading {
  id: string;
  meter: Meter;
  state: ReadingState;
  status: Status;
  used: number | null;
  limit: number | null;
  remaining: number | null;
  overage: number | null;
  utilization: number | null;
  refused: number | null;
  limitBasis: string | null;
  freshness: 'FRESH' | 'STALE' | 'NEVER';
  measuredAt: string | null;
  problem: Problem | null;
  period: Period | null;
  thresholds: Threshold[];
  breakdown: Share[];
}
export interface Section {
  key: string;
  title: string;
  description: string | null;
  status: Status;
  updatedAt: string | null;
  nextUpdateAt: string | null;
  consumptionSince: string | null;
  readings: Reading[];
}
export interface Notice {
  /** Null if the notice concerns every application. */
  shownIn: { key: string; title: string; url: string | null } | null;
  message: string;
  since: string;
}
export interface License {
  key: string;
  name: string;
  timeZone: string;
  state: 'ACTIVE' | 'SUSPENDED' | 'NO_CONTRACT';
  /** The last billing periods; the newest is the last. */
  periods: BillingPeriod[];
  suspended: Problem | null;
  /** The account manager, who can raise a limit. */
  contact: { name: string; email: string | null; url: string | null } | null;
}
export interface Overview {
  version: number;
  status: Status;
  updatedAt: string | null;
  license: License;
  warnings: { halo: boolean; notices: Notice[] };
  installations: Installations | null;
  sections: Section[];
}

export interface Point {
  at: string;
  used: number | null;
  limit: number | null;
  status: Status;
}
/** The points of a history by meter; an error instead where only that history could not be read. */
export type Histories = Record<string, Point[] | Failure>;

export interface BillingPeriod extends Period {
  current: boolean;
}
export interface Grant {
  amount: number;
  remaining: number;
  entity: string | null;
  grantedAt: string;
  expiresAt: string | null;
}
export interface CreditRequest {
  amount: number;
  note: string | null;
  requestedAt: string;
  closedAt: string | null;
  /** The reason for which an operator declined the request; null if a grant answered it. */
  declinedBecause: string | null;
}
export interface Alert {
  meter: { title: string; unitForms: Unit } | null;
  ratio: number;
  limit: number;
  used: number;
  status: Status;
  crossedAt: string;
  recoveredAt: string | null;
}
export interface Installations {
  period: Period;
  active: number;
  new: number;
  returning: number;
  lost: number;
  refused: number;
  skewed: boolean;
}
/** What the page shows around the readings. */
export interface Surroundings {
  grants: Grant[];
  requests: CreditRequest[];
  alerts: Alert[];
}

/** Who asks, and what they may do. */
export interface Viewer {
  person: { name: string | null } | null;
  can: string[];
}

export interface Failure {
  code: string;
  message: string;
  trace: string | null;
}
/** Codes of failures that pass by themselves. */
export const PASSING = new Set(['UNAVAILABLE', 'OVERLOADED', 'RATE_LIMITED', 'TIMED_OUT', 'UNREACHABLE']);

export const isFailure = (value: unknown): value is Failure =>
  typeof value === 'object' && value !== null && 'code' in value;

/** What the API refused, as a failure. */
export const asFailure = ({ message, extensions }: GraphQLProblem, trace: string | null): Failure => ({
  code: extensions?.code ?? 'INTERNAL',
  message,
  trace: extensions?.trace ?? trace,
});
