package answerloop;

import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

import org.apache.flink.shaded.asm9.org.objectweb.asm.ClassReader;
import org.apache.flink.shaded.asm9.org.objectweb.asm.ClassVisitor;
import org.apache.flink.shaded.asm9.org.objectweb.asm.ClassWriter;
import org.apache.flink.shaded.asm9.org.objectweb.asm.MethodVisitor;
import org.apache.flink.shaded.asm9.org.objectweb.asm.Opcodes;

/**
 * A Java agent for Flink's processes. Two of its servers take a port and no address, and so listen on every interface, without a login:
 * the servers of the Python workers, and the metrics reporter. Loaded, their classes are changed to listen on 127.0.0.1.
 *
 * <p>Named by its argument, separated by commas: {@code -javaagent:flink-guard.jar=workers,metrics}.
 */
public final class LoopbackBinds implements ClassFileTransformer {
    private static final Map<String, String> CLASSES = Map.of(
            "workers", "org/apache/beam/sdk/fn/server/ServerFactory$InetSocketAddressServerFactory",
            "metrics", "org/apache/flink/metrics/prometheus/PrometheusReporter");
    private static final String ADDRESS = "java/net/InetSocketAddress";
    private static final String BUILDER = "/io/grpc/netty/NettyServerBuilder";

    private final Set<String> changed;

    private LoopbackBinds(Set<String> changed) {
        this.changed = changed;
    }

    public static void premain(String names, Instrumentation jvm) {
        jvm.addTransformer(new LoopbackBinds(Arrays.stream(names.split(",")).map(LoopbackBinds::classOf).collect(Collectors.toSet())));
    }

    private static String classOf(String name) {
        String found = CLASSES.get(name);
        if (found == null) {
            throw new IllegalArgumentException("flink-guard knows no servers of the name " + name + ", but " + CLASSES.keySet());
        }
        return found;
    }

    @Override
    public byte[] transform(ClassLoader loader, String name, Class<?> before, ProtectionDomain domain, byte[] code) {
        if (!changed.contains(name)) {
            return null;
        }
        try {
            return bound(code);
        } catch (Throwable err) {
            // The JVM would go on with the class as it was, and so with an open port.
            System.err.println("flink-guard: cannot keep " + name + " on 127.0.0.1, which is another version than was expected: " + err);
            Runtime.getRuntime().halt(70);
            throw err;
        }
    }

    private static byte[] bound(byte[] code) {
        ClassReader reader = new ClassReader(code);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        int[] places = {0};
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String descriptor, String signature, String[] thrown) {
                return new WithAddress(super.visitMethod(access, name, descriptor, signature, thrown), places);
            }
        }, 0);
        if (places[0] == 0) {
            throw new IllegalStateException("it listens in a way that is not known");
        }
        return writer.toByteArray();
    }

    /** Replaces what takes a port alone by what takes 127.0.0.1 too. */
    private static final class WithAddress extends MethodVisitor {
        private final int[] places;

        WithAddress(MethodVisitor next, int[] places) {
            super(Opcodes.ASM9, next);
            this.places = places;
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean isInterface) {
            if (owner.equals(ADDRESS) && name.equals("<init>") && descriptor.equals("(I)V")) {
                withHost();
            } else if (owner.endsWith(BUILDER) && name.equals("forPort")) {
                // The port is on the stack: an address goes beneath it, twice.
                super.visitTypeInsn(Opcodes.NEW, ADDRESS);
                super.visitInsn(Opcodes.DUP_X1);
                super.visitInsn(Opcodes.SWAP);
                withHost();
                super.visitMethodInsn(Opcodes.INVOKESTATIC, owner, "forAddress", "(Ljava/net/SocketAddress;)L" + owner + ";", false);
            } else {
                super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
            }
        }

        private void withHost() {
            places[0]++;
            super.visitLdcInsn("127.0.0.1");
            super.visitInsn(Opcodes.SWAP);
            super.visitMethodInsn(Opcodes.INVOKESPECIAL, ADDRESS, "<init>", "(Ljava/lang/String;I)V", false);
        }
    }
}
