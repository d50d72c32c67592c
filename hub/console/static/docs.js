// Shows the description of the API, to read: nothing is called from here, so no token is ever typed here.
"use strict";
const nothing = () => () => null;
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: "/v1/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "list",
    supportedSubmitMethods: [],
    validatorUrl: null,
    plugins: [() => ({ wrapComponents: { authorizeBtn: nothing, authorizeOperationBtn: nothing } })],
  });
});
