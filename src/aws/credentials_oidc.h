// OAuth 2.0 client credentials (RFC 6749, section 4.4) for SASL/OAUTHBEARER, as KIP-768 configures
// them.
#pragma once

#include <memory>

#include "aws/credentials_source.h"
#include "kafka/oauthbearer.h"

namespace maxbrod::aws {

// Asks the token endpoint with clientId, clientSecret and scope (options of the login module) and
// keeps the token for four fifths of its life (sasl.login.refresh.window.factor). `extension_x`
// options become SASL extensions. kInvalidArgument for missing options or an endpoint without TLS
// that is not loopback. The needs must outlive it.
Result<std::shared_ptr<kafka::TokenSource>> MakeClientCredentialsTokens(
    const SourceNeeds& needs, const kafka::TokenLogin& login);

}  // namespace maxbrod::aws
