"use strict";

/* Starts GraphiQL on /graphql. Where the page names a list of viewers (development only), a picker fills in their token. */
(() => {
  const { createElement: h, useEffect, useState } = React;
  const root = document.getElementById("graphiql");
  const REMEMBERED = "billgraph:viewer";
  const ANONYMOUS = "Nobody";

  async function fetcher(params, options = {}) {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: {
        ...options.headers,
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json;q=0.9",
      },
      body: JSON.stringify(params),
    });
    return response.json();
  }

  function withToken(text, token) {
    let headers;
    try {
      headers = JSON.parse(text || "{}");
    } catch {
      return text;
    }
    for (const name of Object.keys(headers)) {
      if (name.toLowerCase() === "authorization") delete headers[name];
    }
    if (token) headers.Authorization = `Bearer ${token}`;
    return Object.keys(headers).length ? JSON.stringify(headers, null, 2) : "";
  }

  function remembered(viewers) {
    const label = sessionStorage.getItem(REMEMBERED);
    return viewers.some((viewer) => viewer.label === label) || label === ANONYMOUS ? label : viewers[0].label;
  }

  function ViewerPicker({ viewers }) {
    const { headerEditor, activeTabIndex } = GraphiQL.React.useEditorContext({ nonNull: true });
    const [label, setLabel] = useState(() => remembered(viewers));
    useEffect(() => {
      const token = viewers.find((viewer) => viewer.label === label)?.token;
      const text = headerEditor?.getValue() ?? "";
      const wanted = withToken(text, token);
      if (headerEditor && wanted !== text) headerEditor.setValue(wanted);
    }, [headerEditor, activeTabIndex, label, viewers]);
    const choose = (event) => {
      sessionStorage.setItem(REMEMBERED, event.target.value);
      setLabel(event.target.value);
    };
    const options = [...viewers.map((viewer) => viewer.label), ANONYMOUS];
    return h(
      "label",
      { className: "viewer" },
      h("strong", null, "Signed in as"),
      h("select", { value: label, onChange: choose, "aria-label": "Signed in as" }, options.map((name) => h("option", { key: name }, name))),
    );
  }

  function Page({ viewers }) {
    const logo = viewers.length ? h(ViewerPicker, { viewers }) : h("span", { className: "viewer" }, h("strong", null, "Billgraph"));
    return h(
      GraphiQL,
      {
        fetcher,
        plugins: [GraphiQLPluginExplorer.explorerPlugin()],
        defaultTabs: window.EXAMPLES,
        isHeadersEditorEnabled: true,
        shouldPersistHeaders: false,
        defaultEditorToolsVisibility: "variables",
      },
      h(GraphiQL.Logo, null, logo),
    );
  }

  async function viewersOf(address) {
    if (!address) return [];
    const response = await fetch(address);
    return response.ok ? response.json() : [];
  }

  viewersOf(root.dataset.viewers)
    .catch(() => [])
    .then((viewers) => ReactDOM.createRoot(root).render(h(Page, { viewers })));
})();
