"""The GraphQL door: what `adaptive-sdk` asks beside its REST calls.

scalars, inputs, types   the schema's vocabulary, as the client of version 0.14.2 knows it
interactions, feedback, projects, models, datasets, ab_tests, people
                         the operations, each room with its types; below them stand the same acts as below every door
elsewhere                operations of the product that are not part of this server
limits                   how much one request may ask
view                     a request over HTTP, and how errors are told
"""
