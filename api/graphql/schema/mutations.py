"""The mutations: one line for each. Each resolver is in the folder of its domain."""

import strawberry

from api.graphql.schema.access import mutations as access_mutations
from api.graphql.schema.admission import mutations as admission_mutations
from api.graphql.schema.credits import mutations as credit_mutations
from api.graphql.schema.deliveries import mutations as delivery_mutations
from api.graphql.schema.entities import mutations as entity_mutations
from api.graphql.schema.licenses import mutations as license_mutations
from api.graphql.schema.refresh import mutations as refresh_mutations
from api.graphql.schema.usage import mutations as usage_mutations
from api.graphql.schema.webhooks import mutations as webhook_mutations


@strawberry.type(description="The mutations. Errors in the input are returned as data in `errors` of the result.")
class Mutation:
    record_usage = usage_mutations.record_usage
    adjust_usage = usage_mutations.adjust_usage
    check_in = admission_mutations.check_in
    free_places = admission_mutations.free_places
    rotate_check_in_secret = admission_mutations.rotate_check_in_secret
    require_signatures = admission_mutations.require_signatures
    refresh_consumption = refresh_mutations.refresh_consumption
    put_license = license_mutations.put_license
    put_contract = license_mutations.put_contract
    withdraw_contract = license_mutations.withdraw_contract
    suspend_license = license_mutations.suspend_license
    resume_license = license_mutations.resume_license
    grant_credits = credit_mutations.grant_credits
    void_grant = credit_mutations.void_grant
    put_webhook_endpoint = webhook_mutations.put_webhook_endpoint
    delete_webhook_endpoint = webhook_mutations.delete_webhook_endpoint
    rotate_webhook_secret = webhook_mutations.rotate_webhook_secret
    send_test_webhook = webhook_mutations.send_test_webhook
    redeliver_webhook = webhook_mutations.redeliver_webhook
    request_credits = credit_mutations.request_credits
    decline_credit_request = credit_mutations.decline_credit_request
    redeliver = delivery_mutations.redeliver
    close_entity = entity_mutations.close_entity
    rename_entity = entity_mutations.rename_entity
    create_session = access_mutations.create_session
    end_session = access_mutations.end_session
