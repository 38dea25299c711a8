/** The registered servers, their tools, and the changes in them. */
import { useState } from "preact/hooks";
import type { FactorView, ServerView, ToolView } from "../generated/contract.ts";
import { useLoad } from "../ui/load.ts";
import { Command, Empty, PageHead, ProblemNote } from "../ui/parts.tsx";
import { ServerSection } from "./server.tsx";

export function ServersPage() {
  const servers = useLoad<ServerView[]>("/v1/servers", "authority");
  const tools = useLoad<ToolView[]>("/v1/tools", "authority");
  const factors = useLoad<FactorView[]>("/v1/factors", "authority");
  const [notice, setNotice] = useState("");
  const passkeys = factors.data?.some(factor => factor.kind === "passkey") ?? false;
  const done = (text: string) => {
    setNotice(text);
    void servers.reload();
    void tools.reload();
  };
  return (
    <>
      <PageHead title="Servers">Your registered MCP servers and their accepted tools.</PageHead>
      <ProblemNote problem={servers.problem ?? tools.problem} />
      <div role="status">{notice !== "" && <p class="done">{notice}</p>}</div>
      {servers.data?.map(server => (
        <ServerSection
          key={server.name}
          server={server}
          tools={(tools.data ?? []).filter(tool => tool.server === server.name)}
          passkeys={passkeys}
          onDone={done}
        />
      ))}
      {servers.data?.length === 0 && (
        <Empty icon="servers" title="No servers yet">
          <p>Agents have no tools until you register a server. At a terminal:</p>
          <p>
            <Command>briefcase server add</Command>
          </p>
        </Empty>
      )}
    </>
  );
}
