// The answers of the GraphQL API, as the questions in queries.ts ask for them.

import type { Status } from '../../../element/source/src/model';

export type { Failure, Status } from '../../../element/source/src/model';
export { isFailure, PASSING } from '../../../element/source/src/model';

export type Freshness = 'FRESH' | 'STALE' | 'NEVER';
export type Order = 'WORST_FIRST' | 'UTILIZATION' | 'NAME' | 'UPDATED';

export const STATUSES: Status[] = ['EXCEEDED', 'AT_RISK', 'UNKNOWN', 'OK'];
export const FRESHNESS: Freshness[] = ['FRESH', 'STALE', 'NEVER'];
export const ORDERS: Order[] = ['WORST_FIRST', 'UTILIZATION', 'NAME', 'UPDATED'];

export interface Connection<T> {
  edges: { node: T }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}
export interface Meter {
  key: string;
  title: string;
  unit: string;
  kind: string;
}
export interface Viewer {
  name: string;
  can: string[];
  license: { key: string } | null;
}
export interface Named {
  key: string;
  name: string;
}
export interface Listed extends Named {
  state: 'ACTIVE' | 'SUSPENDED' | 'NO_CONTRACT';
  consumption: { status: Status; utilization: number | null; freshness: Freshness; updatedAt: string | null };
}
export interface LicensePage extends Connection<Listed> {
  totalCount: number;
  byStatus: { status: Status; count: number }[];
}
export interface Request {
  id: string;
  meter: string;
  amount: number;
  entity: string | null;
  note: string | null;
  requestedBy: string;
  requestedAt: string;
  closedAt: string | null;
  declinedBecause: string | null;
  closedBy: { key: string } | null;
}
export interface Alert {
  id: string;
  meter: { key: string; title: string; unit: string } | null;
  ratio: number;
  limit: number;
  used: number;
  status: Status;
  foundAt: string;
  recoveredAt: string | null;
  notifiedAt: string | null;
}
export interface Contract {
  version: number;
  effectiveFrom: string;
  endsOn: string | null;
  billingPeriod: string;
  terms: { key: string; value: number }[];
}
export interface Grant {
  key: string;
  meter: string;
  amount: number;
  remaining: number;
  entity: string | null;
  grantedAt: string;
  expiresAt: string | null;
  voidedAt: string | null;
  voidedAll: boolean;
}
export interface License extends Named {
  timeZone: string;
  state: Listed['state'];
  suspended: { message: string; since: string } | null;
  consumption: { status: Status };
  contracts: Contract[];
  contract: { version: number } | null;
  grants: Connection<Grant>;
  creditRequests: Connection<Request>;
  alerts: Connection<Alert>;
}
export interface Delivery {
  id: string;
  kind: string;
  channel: string;
  recipient: string;
  status: string;
  attempts: number;
  detail: string | null;
  createdAt: string;
  dueAt: string | null;
  license: Named;
}
export interface Plugin {
  name: string;
  version: string | null;
  loaded: boolean;
  problem: { code: string; message: string } | null;
  meters: { key: string; title: string }[];
  notifiers: { key: string; title: string }[];
}
