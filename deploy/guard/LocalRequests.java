package answerloop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpResponseStatus.FORBIDDEN;
import static org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpVersion.HTTP_1_1;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.runtime.io.network.netty.InboundChannelHandlerFactory;
import org.apache.flink.shaded.netty4.io.netty.buffer.Unpooled;
import org.apache.flink.shaded.netty4.io.netty.channel.Channel;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelFutureListener;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandler;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandlerContext;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelInboundHandlerAdapter;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelInitializer;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.DefaultFullHttpResponse;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaderNames;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaders;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpRequest;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpServerCodec;
import org.apache.flink.shaded.netty4.io.netty.util.ReferenceCountUtil;

/**
 * What a request must pass before Flink's REST API sees it. A page in the user's browser can post a form, and so a job graph, to any
 * address, this machine's own too; and a name of its own can be made to lead here. Such requests say where they come from, in the headers
 * Origin and Host: they are refused, before anything of an upload is written to disk. Flink finds this class as a service.
 */
public final class LocalRequests implements InboundChannelHandlerFactory {
    @Override
    public int priority() {
        return 0;
    }

    @Override
    public Optional<ChannelHandler> createHandler(Configuration configuration, Map<String, String> responseHeaders) {
        Set<String> names = new HashSet<>(List.of("localhost", "127.0.0.1", "[::1]", configuration.get(RestOptions.ADDRESS)));
        return Optional.of(new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
                String codec = channel.pipeline().context(HttpServerCodec.class).name();
                channel.pipeline().addAfter(codec, "local-requests", new Gate(names));
            }
        });
    }

    private static final class Gate extends ChannelInboundHandlerAdapter {
        private final Set<String> names;
        private boolean closed;

        Gate(Set<String> names) {
            this.names = names;
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (!closed && message instanceof HttpRequest) {
                closed = !passes(((HttpRequest) message).headers());
                if (closed) {
                    refuse(context);
                }
            }
            if (closed) {
                ReferenceCountUtil.release(message);
            } else {
                context.fireChannelRead(message);
            }
        }

        private boolean passes(HttpHeaders headers) {
            String host = headers.get(HttpHeaderNames.HOST, "");
            String origin = headers.get(HttpHeaderNames.ORIGIN);
            return names.contains(host.replaceFirst(":[0-9]*$", "")) && (origin == null || origin.equals("http://" + host));
        }

        private static void refuse(ChannelHandlerContext context) {
            byte[] body = "{\"errors\":[\"Requests to names of this machine, and from no other page, are answered.\"]}".getBytes(UTF_8);
            DefaultFullHttpResponse reply = new DefaultFullHttpResponse(HTTP_1_1, FORBIDDEN, Unpooled.wrappedBuffer(body));
            reply.headers().set(HttpHeaderNames.CONTENT_TYPE, "application/json");
            reply.headers().set(HttpHeaderNames.CONTENT_LENGTH, body.length);
            reply.headers().set(HttpHeaderNames.CONNECTION, "close");
            context.writeAndFlush(reply).addListener(ChannelFutureListener.CLOSE);
        }
    }
}
