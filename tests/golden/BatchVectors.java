import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.TimestampType;

/**
 * Writes batches of all formats and codecs as Kafka's own classes build them, and what they read back:
 * tests/golden/batches.txt. Needs the jars of 3.9.2, which can still write formats 0 and 1.
 *
 * <p>A line: name, the entry in hex, then its records as {@code offset,timestamp,key,value[,header=value...]} (hex, "-" for
 * null), separated by blanks.
 */
public final class BatchVectors {
    private static final long TIME = 1_600_000_000_000L;

    public static void main(String[] args) {
        for (byte magic = 0; magic <= 2; magic++) {
            for (CompressionType codec : CompressionType.values()) {
                if (codec == CompressionType.ZSTD && magic < 2) continue;
                for (TimestampType type : List.of(TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME)) {
                    if (magic == 0 && type == TimestampType.LOG_APPEND_TIME) continue;
                    String name = "v" + magic + "-" + codec.name + "-" + (type == TimestampType.CREATE_TIME ? "create" : "append");
                    print(name, build(magic, codec, type, new long[] {1000, 1001, 1002, 1003}, false));
                    // As after compaction: offsets are missing inside.
                    print(name + "-gaps", build(magic, codec, type, new long[] {1000, 1005, 1006, 1042}, false));
                }
            }
        }
        print("v2-transactional", build((byte) 2, CompressionType.ZSTD, TimestampType.CREATE_TIME, new long[] {7, 8}, true));
        for (ControlRecordType type : List.of(ControlRecordType.COMMIT, ControlRecordType.ABORT)) {
            print("v2-control-" + type.name().toLowerCase(),
                MemoryRecords.withEndTransactionMarker(77, TIME, 3, 1234L, (short) 5, new EndTransactionMarker(type, 9)));
        }
    }

    private static MemoryRecords build(byte magic, CompressionType codec, TimestampType type, long[] offsets, boolean transactional) {
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(ByteBuffer.allocate(4096), magic, Compression.of(codec).build(), type,
            offsets[0], TIME + 500, magic < 2 ? RecordBatch.NO_PRODUCER_ID : 4321L, magic < 2 ? RecordBatch.NO_PRODUCER_EPOCH : (short) 2,
            magic < 2 ? RecordBatch.NO_SEQUENCE : 100, transactional, false, 6, 4096);
        for (int i = 0; i < offsets.length; i++) {
            byte[] key = i == 1 ? null : ("key" + i).getBytes();
            byte[] value = i == 2 ? null : ("value " + i + " " + "x".repeat(i * 40)).getBytes();
            List<Header> headers = new ArrayList<>();
            if (magic == 2 && i == 3) {
                headers.add(new RecordHeader("h1", "one".getBytes()));
                headers.add(new RecordHeader("", (byte[]) null));
            }
            long timestamp = magic == 0 ? RecordBatch.NO_TIMESTAMP : TIME + i * 7 - (i == 2 ? 100 : 0);
            builder.appendWithOffset(offsets[i], timestamp, key, value, headers.toArray(new Header[0]));
        }
        return builder.build();
    }

    private static void print(String name, MemoryRecords records) {
        if (!records.batches().iterator().hasNext()) throw new IllegalStateException(name);
        StringBuilder expected = new StringBuilder();
        for (Record record : records.records()) {
            expected.append(' ').append(record.offset()).append(',').append(record.timestamp())
                .append(',').append(hex(record.key())).append(',').append(hex(record.value()));
            for (Header header : record.headers()) {
                ByteBuffer value = header.value() == null ? null : ByteBuffer.wrap(header.value());
                expected.append(',').append(hex(ByteBuffer.wrap(header.key().getBytes()))).append('=').append(hex(value));
            }
        }
        System.out.println(name + " " + hex(records.buffer()) + expected);
    }

    private static String hex(ByteBuffer buffer) {
        if (buffer == null) return "-";
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
