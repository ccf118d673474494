// Instantiates the messages of producers, transactions and authentication.
#include "kafka/message_codec.h"
#include "kafka/messages/add_partitions_to_txn.h"
#include "kafka/messages/describe_producers.h"
#include "kafka/messages/describe_transactions.h"
#include "kafka/messages/end_txn.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/list_transactions.h"
#include "kafka/messages/sasl_authenticate.h"
#include "kafka/messages/sasl_handshake.h"
#include "kafka/messages/write_txn_markers.h"

namespace maxbrod::kafka {

MB_KAFKA_INSTANTIATE(AddPartitionsToTxn)
MB_KAFKA_INSTANTIATE(DescribeProducers)
MB_KAFKA_INSTANTIATE(DescribeTransactions)
MB_KAFKA_INSTANTIATE(EndTxn)
MB_KAFKA_INSTANTIATE(FindCoordinator)
MB_KAFKA_INSTANTIATE(InitProducerId)
MB_KAFKA_INSTANTIATE(ListTransactions)
MB_KAFKA_INSTANTIATE(SaslAuthenticate)
MB_KAFKA_INSTANTIATE(SaslHandshake)
MB_KAFKA_INSTANTIATE(WriteTxnMarkers)

}  // namespace maxbrod::kafka
