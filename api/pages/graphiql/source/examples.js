// The tabs of a first visit, in this order. Each is a `query` and, where it takes any, its `variables`.
// The tab's title is the name of the operation.

const whoAmI = /* GraphQL */ `
# Who asks: works with every token. What it may do is in "can", and until when in "expiresAt".
query WhoAmI {
  viewer {
    name
    scopes
    can
    expiresAt
    person { id name language admin }
  }
}`;

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

const told = /* GraphQL */ `
# What people are warned of, and what they were told.
query Told {
  license(key: "acme") {
    consumption {
      warnings { enabled halo notices { application message since meter { key } } }
    }
    alerts(first: 10) {
      edges { node { meter { key } ratio used limit basis status crossedAt recoveredAt } }
    }
  }
}`;

const credits = /* GraphQL */ `
# The credits of a license, and what it asked for.
query Credits {
  license(key: "acme") {
    grants(first: 10) { edges { node { key meter amount remaining entity grantedAt expiresAt } } }
    creditRequests(first: 10) { edges { node { amount entity note requestedAt closedBy { key } } } }
  }
}`;

const requestCredits = /* GraphQL */ `
# Ask the operators for credits. The same again while it is open is no new request.
mutation RequestCredits($input: RequestCreditsInput!) {
  requestCredits(input: $input) {
    request { id amount requestedAt }
    errors { code message path }
  }
}`;

const installations = /* GraphQL */ `
# What became of the installations of a license in the present quota window.
query Installations {
  consumption(license: "acme") {
    installations { period { start end } quota active new returning lost refused skewed }
  }
}`;

const checkIn = /* GraphQL */ `
# An installation calls home. Needs the scope check-in:write.
mutation CheckIn($input: CheckInInput!) {
  checkIn(input: $input) { decision backOffDays retryAt quota remaining }
}`;

const webhook = /* GraphQL */ `
# Have crossings and recoveries told to an address of yours. Needs the scope webhooks:write. The secret is shown once.
mutation PutWebhook($input: WebhookEndpointInput!) {
  putWebhookEndpoint(input: $input) {
    endpoint { key url kinds enabled }
    secret
    errors { code message path }
  }
}`;

const watch = /* GraphQL */ `
# Stays open: the consumption now, and again with every change.
subscription Watch {
  consumptionChanged(license: "acme") {
    version
    status
    updatedAt
    sections { key status updatedAt }
  }
}`;

const tab = (query, variables) => ({
  query: query.trim(),
  variables: variables && JSON.stringify(variables, null, 2),
});

export const examples = [
  tab(whoAmI),
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
  tab(told),
  tab(watch),
  tab(credits),
  tab(requestCredits, { input: { license: 'acme', amount: 5000, note: 'For the spring campaign' } }),
  tab(installations),
  tab(checkIn, { input: { license: 'acme', installation: 'graphiql-example-1' } }),
  tab(webhook, { input: { license: 'acme', key: 'platform', url: 'https://platform.example/hooks' } }),
];
