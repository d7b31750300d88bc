// The tabs of a first visit, in this order. Each is a `query` and, where it takes any, its `variables`.
// The tab's title is the name of the operation.

const overview = /* GraphQL */ `
# What a license allows, what is used, and what is left.
query Overview {
  consumption(license: "acme") {
    status
    updatedAt
    version
    sections {
      key
      title
      status
      updatedAt
      nextUpdateAt
      consumptionSince
      readings {
        meter { key title unit }
        status
        used
        limit
        remaining
        utilization
        limitBasis
        period { start end }
        breakdown { dimension key label used limit }
        measuredAt
        freshness
      }
    }
  }
}`;

const history = /* GraphQL */ `
# How the readings of one section went, day by day.
query History($license: String!, $section: String!, $from: DateTime) {
  consumption(license: $license) {
    section(key: $section) {
      title
      readings {
        meter { key title unit }
        history(from: $from, interval: DAY, first: 31) {
          edges { node { at used limit status } }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
  }
}`;

const installed = /* GraphQL */ `
# Every meter, also those of partners, and every plugin, also those that failed to load.
query Installed {
  meters {
    key
    title
    description
    unit
    section
    enforcement
    applications
    plugin { name }
  }
  plugins {
    name
    version
    loaded
    problem { code message since }
    meters { key }
  }
}`;

const recordUsage = /* GraphQL */ `
# Sending the same event again counts it once: run this twice.
# Needs a token that may record usage.
mutation RecordUsage($events: [UsageEventInput!]!) {
  recordUsage(events: $events) {
    accepted
    duplicates
    rejected { index id code message }
  }
}`;

const licenses = /* GraphQL */ `
# For operators: every license, the worst first.
query Licenses($first: Int = 20, $after: String, $status: [UsageStatus!], $search: String) {
  licenses(first: $first, after: $after, status: $status, search: $search) {
    edges {
      node {
        key
        name
        timeZone
        contract { version startsOn billingPeriod warnings terms { key value } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

const tab = (query, variables) => ({
  query: query.trim(),
  variables: variables && JSON.stringify(variables, null, 2),
});

export const examples = [
  tab(overview),
  tab(history, { license: 'acme', section: 'channels' }),
  tab(installed),
  tab(recordUsage, {
    events: [
      {
        id: 'graphiql-example-1',
        source: '/graphiql',
        type: 'interaction.sent',
        license: 'acme',
        quantity: 250,
        dimensions: { channel: 'marketing_email' },
      },
    ],
  }),
  tab(licenses),
];
