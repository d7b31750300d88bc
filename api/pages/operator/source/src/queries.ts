// The questions of the page to the public GraphQL API.

export const VIEWER = `{ viewer { name can license { key } } meters { key title unit kind } }`;

const LISTED = `key name state consumption { status utilization freshness updatedAt }`;

export const LICENSES = `query Licenses(
  $first: Int, $after: String, $status: [UsageStatus!], $search: String, $freshness: [Freshness!], $meter: String,
  $orderBy: LicenseOrder
) {
  licenses(
    first: $first, after: $after, status: $status, search: $search, freshness: $freshness, meter: $meter, orderBy: $orderBy
  ) {
    totalCount byStatus { status count }
    edges { node { ${LISTED} } }
    pageInfo { hasNextPage endCursor }
  }
}`;

export const CHANGES = `subscription LicensesChanged { licensesChanged { key } }`;

const REQUEST = `id meter amount entity note requestedBy requestedAt closedAt declinedBecause closedBy { key }`;
const ALERT = `id meter { key title unit } ratio limit used status foundAt crossedAt recoveredAt notifiedAt`;

export const LICENSE = `query License($key: String!) {
  license(key: $key) {
    key name timeZone state suspended { message since }
    consumption { status }
    contracts { version effectiveFrom endsOn startsOn billingPeriod terms { key value } }
    contract { version }
    grants(first: 50) { edges { node { key meter amount remaining entity grantedAt expiresAt voidedAt voidedAll } } }
    creditRequests(first: 20) { edges { node { ${REQUEST} } } }
    alerts(first: 20) { edges { node { ${ALERT} } } }
  }
}`;

export const REQUESTS = `query Requests($after: String) {
  openCreditRequests(first: 25, after: $after) {
    edges { node { ${REQUEST}, license { key name } } } pageInfo { hasNextPage endCursor }
  }
}`;

export const ALERTS = `query Alerts($open: Boolean, $status: [UsageStatus!], $after: String) {
  alerts(open: $open, status: $status, first: 25, after: $after) {
    edges { node { ${ALERT}, license { key name } } } pageInfo { hasNextPage endCursor }
  }
}`;

export const DELIVERIES = `query Deliveries($after: String) {
  stuckDeliveries(first: 25, after: $after) {
    edges { node { id kind channel recipient status attempts detail createdAt dueAt license { key name } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

export const PLUGINS = `{
  plugins { name version loaded problem { code message } meters { key title } notifiers { key title } }
}`;

export const GRANT = `mutation Grant($input: GrantCreditsInput!) {
  grantCredits(input: $input) { errors { code message } }
}`;

export const DECLINE = `mutation Decline($input: DeclineCreditRequestInput!) {
  declineCreditRequest(input: $input) { errors { code message } }
}`;

export const REDELIVER = `mutation Redeliver($input: RedeliverInput!) {
  redeliver(input: $input) { errors { code message } }
}`;
