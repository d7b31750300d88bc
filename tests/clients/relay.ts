// Operations as a front end with Relay has them, for its compiler.

declare const graphql: (operation: TemplateStringsArray) => unknown;

export const consumption = graphql`
  query relayConsumption($license: String) {
    consumption(license: $license) {
      id
      status
      sections {
        id
        title
        readings {
          id
          used
          limit
          breakdown { label used }
          ...relayHistory
        }
      }
    }
  }
`;

export const history = graphql`
  fragment relayHistory on Reading
  @argumentDefinitions(last: { type: "Int", defaultValue: 10 }, before: { type: "String" })
  @refetchable(queryName: "relayHistoryPage") {
    history(interval: DAY, last: $last, before: $before) @connection(key: "relayHistory_history") {
      edges { node { at used limit status } }
    }
  }
`;

export const refresh = graphql`
  mutation relayRefresh($license: String) {
    refreshConsumption(license: $license) { id status finishedAt }
  }
`;

export const changes = graphql`
  subscription relayChanges($license: String) {
    consumptionChanged(license: $license) {
      id
      status
      sections { id status updatedAt readings { id used } }
    }
  }
`;

export const node = graphql`
  query relayNode($id: ID!) {
    node(id: $id) { ... on RefreshRequest { status } }
  }
`;
