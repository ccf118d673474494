import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

/**
 * Writes what Kafka's own message classes make of deterministic values: tests/golden/messages.txt.
 *
 * <p>Usage: MessageVectors API_KEY:MIN-MAX... One line per message, version and variant:
 * {@code <api> <key> <request|response> <version> <variant> <hex>}. Variant "full" has every field of the version set
 * to something that is not its default, "nulls" has null wherever it is allowed, "default" is an untouched
 * object. A line of variant "shape" holds, instead of bytes, the names and types in the order of the wire.
 */
public final class MessageVectors {
    private int counter;
    private boolean nulls;

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        for (String arg : args) {
            String[] keyAndRange = arg.split("[:-]");
            short key = Short.parseShort(keyAndRange[0]);
            ApiMessageType type = ApiMessageType.fromApiKey(key);
            for (int version = Integer.parseInt(keyAndRange[1]); version <= Integer.parseInt(keyAndRange[2]); version++) {
                for (boolean request : new boolean[] {true, false}) {
                    new MessageVectors().print(out, type, request, (short) version);
                }
            }
        }
    }

    private void print(PrintStream out, ApiMessageType type, boolean request, short version) throws Exception {
        Schema schema = (request ? type.requestSchemas() : type.responseSchemas())[version];
        String head = type.name + " " + type.apiKey() + " " + (request ? "request" : "response") + " " + version + " ";
        out.println(head + "shape " + shape(schema));
        for (String variant : List.of("full", "nulls", "default")) {
            counter = 0;
            nulls = variant.equals("nulls");
            ApiMessage message = request ? type.newRequest() : type.newResponse();
            if (!variant.equals("default")) fill(message, schema, 0);
            out.println(head + variant + " " + HexFormat.of().formatHex(encode(message, version)));
        }
    }

    private static byte[] encode(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        return buffer.array();
    }

    private void fill(Object target, Schema schema, int depth) throws Exception {
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields) {
                for (var tagged : fieldsOf((TaggedFields) bound.def.type).values()) {
                    set(target, tagged.name, tagged.type, depth);
                }
            } else {
                set(target, bound.def.name, bound.def.type, depth);
            }
        }
    }

    private void set(Object target, String name, Type type, int depth) throws Exception {
        Field field = find(target.getClass(), name);
        field.setAccessible(true);
        if (nulls && type.isNullable()) {
            field.set(target, null);
        } else if (elementOf(type) != null) {
            field.set(target, array(field, elementOf(type), depth));
        } else if (type instanceof Schema) {
            Object inner = newInstance(field.getType());
            fill(inner, (Schema) type, depth + 1);
            field.set(target, inner);
        } else {
            field.set(target, value(field.getType(), field.get(target), depth));
        }
    }

    @SuppressWarnings("unchecked")
    private Object array(Field field, Type element, int depth) throws Exception {
        boolean custom = field.getType() != List.class;
        Collection<Object> result = custom ? (Collection<Object>) newInstance(field.getType()) : new ArrayList<>();
        int count = depth == 0 || !(element instanceof Schema) ? 2 : 1;
        Class<?> elementClass = elementClass(field);
        for (int i = 0; i < count; i++) {
            if (element instanceof Schema) {
                Object inner = newInstance(elementClass);
                fill(inner, (Schema) element, depth + 1);
                result.add(inner);
            } else {
                result.add(value(elementClass, null, depth));
            }
        }
        return result;
    }

    private static Class<?> elementClass(Field field) {
        var generic = field.getType() == List.class ? field.getGenericType() : field.getType().getGenericSuperclass();
        return (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0];
    }

    private static Object newInstance(Class<?> type) throws Exception {
        var constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    /** Something that differs from the initial value and from its neighbours. */
    private Object value(Class<?> type, Object initial, int depth) throws Exception {
        int n = ++counter;
        if (type == boolean.class || type == Boolean.class) return !Boolean.TRUE.equals(initial);
        if (type == byte.class || type == Byte.class) return (byte) (n % 100 + 1);
        if (type == short.class || type == Short.class) return (short) (1000 + n);
        if (type == int.class || type == Integer.class) return 1_000_000 + n;
        if (type == long.class || type == Long.class) return 1_000_000_000_000L + n;
        if (type == double.class || type == Double.class) return 0.5 + n;
        if (type == String.class) return "text" + n;
        if (type == Uuid.class) return new Uuid(0x1122334455667700L + n, 0x1234567812345600L + n);
        if (type == byte[].class) return new byte[] {(byte) n, 2, 3};
        if (type == ByteBuffer.class) return ByteBuffer.wrap(new byte[] {(byte) n, 5, 6, 7});
        return records(new byte[] {(byte) n, 8, 9, 10, 11});
    }

    /** Any bytes will do: messages do not look into record sets. The class has moved between releases. */
    private static Object records(byte[] bytes) throws Exception {
        Class<?> type;
        try {
            type = Class.forName("org.apache.kafka.common.record.MemoryRecords");
        } catch (ClassNotFoundException e) {
            type = Class.forName("org.apache.kafka.common.record.internal.MemoryRecords");
        }
        Method make = type.getMethod("readableRecords", ByteBuffer.class);
        return make.invoke(null, ByteBuffer.wrap(bytes));
    }

    private static Field find(Class<?> type, String schemaName) {
        String wanted = schemaName.replace("_", "");
        for (Field field : type.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers()) && field.getName().equalsIgnoreCase(wanted)) return field;
        }
        throw new IllegalStateException(type + " has no field " + schemaName);
    }

    private static Type elementOf(Type type) {
        return type.arrayElementType().orElse(null);
    }

    @SuppressWarnings("unchecked")
    private static Map<Integer, org.apache.kafka.common.protocol.types.Field> fieldsOf(TaggedFields tagged)
            throws Exception {
        Field fields = TaggedFields.class.getDeclaredField("fields");
        fields.setAccessible(true);
        return new TreeMap<>((Map<Integer, org.apache.kafka.common.protocol.types.Field>) fields.get(tagged));
    }

    private static String shape(Schema schema) throws Exception {
        List<String> parts = new ArrayList<>();
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields) {
                for (var entry : fieldsOf((TaggedFields) bound.def.type).entrySet()) {
                    parts.add(entry.getKey() + "~" + shape(entry.getValue().name, entry.getValue().type));
                }
            } else {
                parts.add(shape(bound.def.name, bound.def.type));
            }
        }
        return String.join(",", parts);
    }

    private static String shape(String name, Type type) throws Exception {
        Type element = elementOf(type);
        String prefix = element == null ? "" : "[]";
        Type inner = element == null ? type : element;
        String text = inner instanceof Schema
            ? "{" + shape((Schema) inner) + "}"
            : inner.toString().replace("COMPACT_", "").replace("NULLABLE_", "").toLowerCase();
        return name + ":" + (type.isNullable() ? "?" : "") + prefix + text;
    }
}
