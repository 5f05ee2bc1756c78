# The figures that the decision points measure against.
package hartley.limits

import rego.v1

query_chars := 200000

attachments := 20

# From 0 to 1; a tenant lowers it to keep the expensive modes for others.
complexity := 1

completion_tokens := 16384

# The most that a single model call may cost, in USD.
call_usd := 5
