#include "kafka/client_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/jaas.h"
#include "kafka/oauthbearer.h"
#include "kafka/pem.h"

namespace maxbrod::kafka {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

std::map<std::string, std::string> Parsed(const std::string& text) {
  auto parsed = ParseProperties(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  return parsed.ok() ? *parsed : std::map<std::string, std::string>{};
}

Result<ClientConfig> Config(const std::string& text) {
  return ConfigFromProperties(Parsed(text), nullptr);
}

TEST(Properties, SeparatorsCommentsAndBlanks) {
  EXPECT_THAT(Parsed("a=1\n b : 2 \r\n# no\n  ! no\n\nc 3\rd\ne==x\nf\\ g\\=h=4\n"),
              ElementsAre(Pair("a", "1"), Pair("b", "2 "), Pair("c", "3"), Pair("d", ""),
                          Pair("e", "=x"), Pair("f g=h", "4")));
}

TEST(Properties, ContinuationLinesDropTheBlanksInFront) {
  EXPECT_THAT(Parsed("a=one,\\\n   two\nb=ends in a slash \\\\\nc=3\\"),
              ElementsAre(Pair("a", "one,two"), Pair("b", "ends in a slash \\"), Pair("c", "3")));
}

TEST(Properties, ACommentSignInsideAContinuationIsNoComment) {
  EXPECT_THAT(Parsed("a=1\\\n#2\n"), ElementsAre(Pair("a", "1#2")));
}

TEST(Properties, Escapes) {
  EXPECT_THAT(Parsed("a=\\t\\n\\r\\f\\q\\u00e4\\ud83d\\ude00"),
              ElementsAre(Pair("a", "\t\n\r\fq\xC3\xA4\xF0\x9F\x98\x80")));
}

TEST(Properties, ErrorsNameTheLine) {
  auto parsed = ParseProperties("a=1\n\nb=\\u12x4\n");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(parsed.status().message(), HasSubstr("line 3"));
  EXPECT_FALSE(ParseProperties("=1").ok());
}

TEST(Bootstrap, HostsPortsAndIpv6) {
  auto list = ParseBootstrap(" h1:9093 ,h2,[::1]:1,[fe80::2%eth0], SASL_SSL://h3:5,");
  ASSERT_TRUE(list.ok()) << list.status().ToString();
  ASSERT_EQ(list->size(), 5u);
  EXPECT_EQ((*list)[0].ToString(), "h1:9093");
  EXPECT_EQ((*list)[1].ToString(), "h2:9092");
  EXPECT_EQ((*list)[2].ToString(), "[::1]:1");
  EXPECT_EQ((*list)[3].ToString(), "[fe80::2%eth0]:9092");
  EXPECT_EQ((*list)[4].ToString(), "h3:5");
}

TEST(Bootstrap, Refusals) {
  for (const char* bad :
       {"", " , ", "h:0", "h:70000", "h:x", "h:", ":9092", "::1:9092", "[::1", "[::1]x", "a b:1"}) {
    auto list = ParseBootstrap(bad);
    ASSERT_FALSE(list.ok()) << bad;
    EXPECT_EQ(list.status().code(), Code::kInvalidArgument);
  }
}

TEST(Jaas, QuotesEscapesAndComments) {
  auto module = ParseJaas(
      "/* one */ org.x.ScramLoginModule\n REQUIRED // two\n username=alice password=\"a \\\"b\\\\ "
      "\\101;=\" x='y\"';");
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  EXPECT_EQ(module->login_module, "org.x.ScramLoginModule");
  EXPECT_THAT(module->options, ElementsAre(Pair("password", "a \"b\\ A;="),
                                           Pair("username", "alice"), Pair("x", "y\"")));
}

TEST(Jaas, RefusalsNeverQuoteAValue) {
  for (const char* bad :
       {"", "M", "M sometimes;", "M required username=\"u\" password=\"secret\"",
        "M required password=\"secret", "M required password \"secret\";",
        "M required \"secret\"=1;", "M required /* secret", "\"secret\" required;"}) {
    auto module = ParseJaas(bad);
    ASSERT_FALSE(module.ok()) << bad;
    EXPECT_EQ(module.status().code(), Code::kInvalidArgument) << bad;
    EXPECT_THAT(module.status().ToString() + module.status().hint(), Not(HasSubstr("secret")));
  }
}

TEST(ClientConfig, EverythingWeUnderstand) {
  std::vector<std::string> ignored;
  auto config = ConfigFromProperties(
      Parsed(
          "bootstrap.servers=b1:9096,b2:9096\nclient.id=me\nclient.rack=use1-az2\nsecurity."
          "protocol=SASL_SSL\n"
          "sasl.mechanism=SCRAM-SHA-512\n"
          "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n"
          "  username=\"al ice\" password=\"p;w=\\\\\"d\";\n"
          "ssl.truststore.location=/t.p12\nssl.truststore.type=PKCS12\nssl.truststore.password= x "
          "\n"
          "ssl.keystore.type=PEM\nssl.keystore.certificate.chain=CERT\nssl.keystore.key=KEY\n"
          "ssl.truststore.certificates=CA\nssl.key.password=kp\n"
          "ssl.endpoint.identification.algorithm=\nrequest.timeout.ms=5000\n"
          "default.api.timeout.ms=6000\nretry.backoff.ms=7\nretry.backoff.max.ms=8\n"
          "socket.connection.setup.timeout.ms=9\nmax.poll.records=5\nacks=1\n"),
      &ignored);
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->bootstrap.size(), 2u);
  EXPECT_EQ(config->client_id, "me");
  EXPECT_EQ(config->rack, "use1-az2");
  EXPECT_EQ(config->security_protocol, SecurityProtocol::kSaslSsl);
  EXPECT_EQ(config->sasl_mechanism, SaslMechanism::kScramSha512);
  EXPECT_EQ(config->sasl_username, "al ice");
  EXPECT_EQ(config->sasl_password, "p;w=\"d");
  EXPECT_EQ(config->ssl.truststore_location, "/t.p12");
  EXPECT_EQ(config->ssl.truststore_password, "x ");
  EXPECT_EQ(config->ssl.truststore_certificates, "CA");
  EXPECT_EQ(config->ssl.keystore_certificate_chain, "CERT");
  EXPECT_EQ(config->ssl.keystore_key, "KEY");
  EXPECT_EQ(config->ssl.key_password, "kp");
  EXPECT_FALSE(config->ssl.verify_hostname);
  EXPECT_EQ(config->request_timeout, Millis(5000));
  EXPECT_EQ(config->api_timeout, Millis(6000));
  EXPECT_EQ(config->retry_backoff, Millis(7));
  EXPECT_EQ(config->retry_backoff_max, Millis(8));
  EXPECT_EQ(config->connect_timeout, Millis(9));
  EXPECT_THAT(ignored, ElementsAre("acks", "max.poll.records"));
}

TEST(ClientConfig, MechanismsOfOthersAreNamed) {
  for (const char* mechanism : {"GSSAPI", "SCRAM-SHA-1"}) {
    auto config = Config(std::string("security.protocol=SASL_SSL\nsasl.mechanism=") + mechanism +
                         "\nsasl.jaas.config=x required;");
    ASSERT_FALSE(config.ok());
    EXPECT_EQ(config.status().code(), Code::kUnsupported);
    EXPECT_THAT(config.status().message(), HasSubstr(mechanism));
    EXPECT_THAT(config.status().hint(), HasSubstr("SCRAM-SHA-512"));
  }
  auto config = Config(
      "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
      "sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().code(), Code::kUnsupported);
  EXPECT_THAT(config.status().message(), HasSubstr("IAMLoginModule"));
}

TEST(ClientConfig, TokensOfAmazonMsk) {
  auto config = Config(
      "security.protocol=SASL_SSL\nsasl.mechanism=AWS_MSK_IAM\n"
      "sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler\n"
      "sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required "
      "awsProfileName=\"dev\";");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->sasl_mechanism, SaslMechanism::kAwsMskIam);
  EXPECT_EQ(config->token_login->kind, TokenKind::kAwsIam);
  EXPECT_EQ(config->token_login->options.at("awsProfileName"), "dev");
  config = Config(
      "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n"
      "sasl.login.callback.handler.class="
      "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler\n"
      "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule "
      "required;");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->sasl_mechanism, SaslMechanism::kOAuthBearer);
  EXPECT_EQ(config->token_login->kind, TokenKind::kAwsIam);
  EXPECT_EQ(config->token_source, nullptr);
}

TEST(ClientConfig, OtherTokens) {
  const std::string kSasl = "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n";
  const std::string kModule =
      "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule "
      "required ";
  auto config = Config(kSasl + kModule + "clientId=me clientSecret=s scope=x;\n" +
                       "sasl.oauthbearer.token.endpoint.url=https://idp/token\n" +
                       "sasl.login.callback.handler.class=org.apache.kafka.common.security."
                       "oauthbearer.secured.OAuthBearerLoginCallbackHandler\n");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->token_login->kind, TokenKind::kClientCredentials);
  EXPECT_EQ(config->token_login->endpoint_url, "https://idp/token");
  EXPECT_EQ(config->token_login->options.at("clientSecret"), "s");
  config = Config(kSasl + kModule + "unsecuredLoginStringClaim_sub=alice;");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_NE(config->token_source, nullptr);

  EXPECT_EQ(Config(kSasl + kModule + ";").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(
      Config(kSasl + kModule + ";\nsasl.login.callback.handler.class=my.Handler").status().code(),
      Code::kUnsupported);
  EXPECT_EQ(Config(kSasl + kModule +
                   ";\nsasl.login.callback.handler.class=a.OAuthBearerLoginCallbackHandler")
                .status()
                .code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Config(kSasl + "sasl.jaas.config=x.ScramLoginModule required;").status().code(),
            Code::kInvalidArgument);
}

TEST(ClientConfig, SaslPropertiesDoNotMatterWithoutSasl) {
  EXPECT_TRUE(Config("sasl.mechanism=GSSAPI\nsasl.jaas.config=nonsense").ok());
}

TEST(ClientConfig, RefusalsAndTheirCodes) {
  const std::pair<const char*, Code> kCases[] = {
      {"security.protocol=TLS", Code::kInvalidArgument},
      {"security.protocol=SASL_SSL", Code::kInvalidArgument},  // Java's default mechanism is GSSAPI
      {"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN", Code::kInvalidArgument},
      {"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=x.PlainLoginModule "
       "required "
       "username=u;",
       Code::kInvalidArgument},
      {"security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config=x."
       "ScramLoginModule required "
       "username=u password=p tokenauth=true;",
       Code::kUnsupported},
      {"ssl.truststore.type=BCFKS", Code::kUnsupported},
      {"ssl.endpoint.identification.algorithm=ldap", Code::kInvalidArgument},
      {"request.timeout.ms=soon", Code::kInvalidArgument},
      {"request.timeout.ms=0", Code::kInvalidArgument},
      {"bootstrap.servers=h:x", Code::kInvalidArgument},
  };
  for (const auto& [text, code] : kCases) {
    auto config = Config(text);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_EQ(config.status().code(), code) << text;
  }
}

TEST(Pem, LinesAreRestored) {
  std::string body(70, 'A');
  std::string good = "-----BEGIN CERTIFICATE-----\n" + std::string(64, 'A') + "\n" +
                     std::string(6, 'A') + "\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(NormalizePem(good), good);
  EXPECT_EQ(NormalizePem("-----BEGIN CERTIFICATE----- " + body + " -----END CERTIFICATE-----"),
            good);
  EXPECT_EQ(NormalizePem(" -----BEGIN CERTIFICATE-----\r\n  " + body.substr(0, 10) + " \n " +
                         body.substr(10) + "\n -----END CERTIFICATE-----"),
            good);
  EXPECT_EQ(NormalizePem(good + " \n " + good), good + good);
}

TEST(Pem, HeadersAndOtherTextStay) {
  std::string key =
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n"
      "-----END RSA PRIVATE KEY-----\n";
  EXPECT_EQ(NormalizePem(key), key);
  for (const char* other : {"", "no pem", "-----BEGIN X-----\nAAAA", "-----BEGIN X"}) {
    EXPECT_EQ(NormalizePem(other), other);
  }
}

}  // namespace
}  // namespace maxbrod::kafka
