"""The .proto files that are compiled here: each construct that generated code has to get right."""

from __future__ import annotations

GREETER = """\
syntax = "proto3";

package hello.v1;

import "google/protobuf/empty.proto";

message HelloRequest {
  string name = 1;
  optional int32 age = 2;
  message Detail { string text = 1; }
}

message HelloReply { string text = 1; }

// Greets people.
//
// In every language.
service Greeter {
  // Greets once.
  rpc Hi(HelloRequest) returns (HelloReply);
  /*
   * Greets many times:
   *   as often as asked.
   */
  rpc Many(HelloRequest) returns (stream HelloReply);  // Slowly.
  rpc Sum(stream HelloRequest) returns (HelloReply);
  // Greets back.
  rpc Talk(stream HelloRequest) returns (stream HelloReply);
}

service Health {
  rpc Check(google.protobuf.Empty) returns (HelloRequest.Detail);
}
"""

CONSTRUCTS = {
    "greeter": {"greeter.proto": GREETER},
    "proto2": {
        "old.proto": """
            syntax = "proto2";
            message Ask { required string text = 1; optional group Extra = 2 { optional int32 n = 3; } }
            service Old { rpc Ask_(Ask) returns (Ask.Extra); }
        """
    },
    "edition 2023": {
        "modern.proto": """
            edition = "2023";
            package modern;
            message Ask { string text = 1 [features.field_presence = IMPLICIT]; }
            service Modern { rpc Ask(modern.Ask) returns (stream modern.Ask); }
        """
    },
    "packages": {
        "shop/orders/order.proto": """
            syntax = "proto3";
            package shop.orders;
            import "shop/common/money_unit.proto";
            message Order { shop.common.Money price = 1; }
            service Orders { rpc Price(Order) returns (shop.common.Money); }
        """,
        "shop/common/money_unit.proto": """
            syntax = "proto3";
            package shop.common;
            message Money { int64 cents = 1; }
        """,
    },
    "public import": {
        "facade.proto": """
            syntax = "proto3";
            import public "inner.proto";
            service Facade { rpc Get(Thing) returns (stream Thing.Part); }
        """,
        "inner.proto": """
            syntax = "proto3";
            message Thing { message Part { int32 n = 1; message Bolt {} } }
            service Inner { rpc Get(Thing.Part.Bolt) returns (Thing); }
        """,
    },
    "no service": {"plain-words.proto": 'syntax = "proto3"; message Word { string text = 1; }'},
    "empty service": {"bare.proto": 'syntax = "proto3"; service Bare {}'},
    "dashes": {
        "with-dash.proto": """
            syntax = "proto3";
            message Dashed {}
            service Dash { rpc Go(Dashed) returns (Dashed); }
        """
    },
    "names that Python or the file has taken": {
        "taken.proto": """
            syntax = "proto3";
            package import.class;
            message None { string text = 1; message lambda {} }
            message Fine {}
            service class {
              rpc import(Fine) returns (Fine);
              rpc import_(stream Fine) returns (Fine);
              rpc grpc(Fine) returns (stream Fine);
              rpc typed(Fine) returns (Fine);
              rpc Any(stream Fine) returns (stream Fine);
              rpc taken__pb2(Fine) returns (Fine);
              rpc __init__(Fine) returns (Fine);
              rpc __hidden(Fine) returns (Fine);
              rpc Nothing(None) returns (None.lambda);
              rpc self(Fine) returns (Fine);
            }
        """
    },
    "a module that is a keyword": {
        "async/in.proto": """
            syntax = "proto3";
            package keyword;
            message Ask {}
            service Keyword { rpc Go(Ask) returns (Ask); }
        """
    },
    "names that fill a line": {
        f"{'deep/' * 12}{'long_' * 12}name.proto": f"""
            syntax = "proto3";
            package {".".join(["quite"] * 20)};
            message {"Long" * 20} {{}}
            service {"Service" * 12} {{
              rpc {"Method" * 12}({"Long" * 20}) returns ({"Long" * 20});
              rpc Other(stream {"Long" * 20}) returns (stream {"Long" * 20});
            }}
        """
    },
}
